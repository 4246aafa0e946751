"""The reference of the reports names each parameter, report and measure, with its meaning."""

from pathlib import Path

from reftrail.reports import catalogue as module
from reftrail.reports.catalogue import catalogue
from reftrail.reports.parameters import PARAMETERS

PAGE = Path(module.__file__).with_name("README.md").read_text()


def test_every_parameter_is_explained() -> None:
    (parameters,) = [part for part in PAGE.split("\n## ") if part.startswith("Parameters")]
    rows = [line.split("|")[1] for line in parameters.splitlines() if line.startswith("| `")]
    assert {f"`{parameter.name}`" for parameter in PARAMETERS} <= set(
        " ".join(rows).replace(",", "").split()
    )


def test_every_report_has_a_section_with_its_measures() -> None:
    sections = {part.split("`")[1]: part for part in PAGE.split("\n### ")[1:]}
    assert set(sections) == set(catalogue())
    for name, report in catalogue().items():
        lines = sections[name].partition("| measure |")[2].splitlines()
        rows = [line for line in lines if line.startswith("| `")]
        assert rows == [
            f"| `{measure.name}` | {measure.kind} | {measure.meaning} |"
            for measure in report.measures
        ]
