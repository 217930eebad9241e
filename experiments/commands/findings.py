"""What `hashcredit doctor` found: one thing that was looked at, whether it is well, and what to do."""

from dataclasses import asdict, dataclass
from importlib import metadata


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    section: str
    name: str
    found: str
    state: str = "well"
    """well, remark (works, could be better) or broken."""
    advice: str = ""
    """What to do; empty where there is nothing to do."""

    def as_record(self) -> dict[str, str]:
        """The fields by name."""
        return asdict(self)


def installed_version(name: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def megabytes(size: float) -> str:
    """Bytes in the unit that one would say."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
