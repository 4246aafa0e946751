"""Operating system and class of the device in a person's hand, by the browser's user agent."""

from typing import Final, Literal, NamedTuple, TypeAlias

from reftrail.edge.user_agents import agent_of

OperatingSystem: TypeAlias = Literal["android", "ios"]
DeviceClass: TypeAlias = Literal["phone", "tablet"]


class Device(NamedTuple):
    """A phone or tablet, as far as a click and an app can both tell."""

    os: OperatingSystem
    kind: DeviceClass


_DEVICES: Final = {
    ("Android", "phone"): Device("android", "phone"),
    ("Android", "tablet"): Device("android", "tablet"),
    ("iOS", "phone"): Device("ios", "phone"),
    ("iOS", "tablet"): Device("ios", "tablet"),
}


def device_of(user_agent: str | None) -> Device | None:
    """The device of a browser; None for laptops, and where nothing tells."""
    agent = agent_of(user_agent or "")
    return _DEVICES.get((agent.os, agent.device_class))
