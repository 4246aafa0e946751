// Asks for the latest events every 3 s while the page is seen and isn't paused.
(() => {
  const rows = document.getElementById("rows");
  const pause = document.getElementById("pause");
  const state = document.getElementById("state");
  let paused = false;
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    state.textContent = paused ? "Paused." : "Every 3 seconds.";
  });
  setInterval(async () => {
    if (paused || document.hidden) return;
    try {
      const answer = await fetch(rows.dataset.from, { headers: { accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(answer.status);
      rows.innerHTML = await answer.text();
      state.textContent = "Every 3 seconds.";
    } catch {
      state.textContent = "The warehouse doesn't answer, or the session has ended.";
    }
  }, 3000);
})();
