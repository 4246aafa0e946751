// The browser's time zone, for the server: days on the pages are the viewer's.
(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!zone) return;
  const known = document.cookie.split("; ").some((one) => one === `reftrail_zone=${encodeURIComponent(zone)}`);
  if (!known) document.cookie = `reftrail_zone=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax`;
})();
