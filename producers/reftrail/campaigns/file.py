"""Campaign files: TOML with one [campaign], or several [[campaign]] tables."""

from pathlib import Path

from reftrail.campaigns.definition import FLAT, Campaign
from reftrail.campaigns.toml_file import FaultyFile, FileFault, TomlFile, Where, read_toml
from reftrail.campaigns.validation import validated


class CampaignFile:
    """The campaigns in a file, and where in it they stand."""

    def __init__(self, file: TomlFile) -> None:
        """Raises `FaultyFile` with everything that is wrong."""
        self.file = file
        self._tables = _tables(file)
        campaigns: list[Campaign] = []
        faults: list[FileFault] = []
        for table in self._tables:
            try:
                campaigns.append(validated(file, Campaign, table, FLAT))
            except FaultyFile as error:
                faults += error.faults
        faults += _repeated(file, self._tables)
        if faults:
            raise FaultyFile(faults)
        self.campaigns = campaigns

    def fault(self, number: int, where: Where, message: str) -> FileFault:
        """A fault of a setting of one of the campaigns, however it is written."""
        table = self._tables[number]
        flat = next((name for name, nested in FLAT.items() if nested == where), None)
        if flat is not None and self.file.has((*table, flat)):
            return self.file.fault((*table, flat), message)
        return self.file.fault((*table, *where), message)


def read_campaigns(path: Path) -> list[Campaign]:
    """The campaigns in a file. Raises `ExpectedError` that points to what is wrong in it."""
    return campaign_file(path).campaigns


def campaign_file(path: Path) -> CampaignFile:
    """A file of campaigns. Raises `ExpectedError` that points to what is wrong in it."""
    return CampaignFile(read_toml(path))


def _tables(file: TomlFile) -> list[Where]:
    """The place of the campaigns in a file; for one campaign the table need not be an array."""
    others = [name for name in file.content if name != "campaign"]
    if others or "campaign" not in file.content:
        message = (
            "a campaign file has [campaign] or [[campaign]] tables at its top and nothing else"
        )
        raise FaultyFile([file.fault((others[0],) if others else (), message, key=True)])
    found = file.content["campaign"]
    if not isinstance(found, list):
        return [("campaign",)]
    return [("campaign", number) for number in range(len(found))]


def _repeated(file: TomlFile, tables: list[Where]) -> list[FileFault]:
    """A fault for each campaign_id that stood in the file before."""
    seen: set[str] = set()
    faults = []
    for table in tables:
        given = file.content["campaign"] if len(table) == 1 else file.content["campaign"][table[1]]
        name = given.get("campaign_id") if isinstance(given, dict) else None
        if isinstance(name, str) and name in seen:
            message = f"campaign {name} is defined more than once; keep one of them"
            faults.append(file.fault((*table, "campaign_id"), message))
        elif isinstance(name, str):
            seen.add(name)
    return faults
