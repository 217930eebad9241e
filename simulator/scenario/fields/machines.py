"""Machine types of a scenario: what one is, and the eleven of the baseline."""

from datetime import date
from typing import Annotated, Self

from pydantic import model_validator

from hashcredit.agents.dimensions import Cooling, MachineKind
from hashcredit.simulator.scenario.fields.base import EVIDENCE, Section, field, refused
from hashcredit.simulator.scenario.fields.types import Day, Text, USDAUnit, Years, choice, unit


class Machine(Section):
    """One machine type.

    `source` is a prefix of keys in the calibration tables: the fact behind `kw` is `<source>.kw`.
    """

    name: Text = field(..., "name of the machine type")
    kind: Annotated[str, choice(MachineKind)] = field(..., "whether it earns rent or hashprice")
    cooling: Annotated[str, choice(Cooling)] = field(..., "rack slot that it fits")
    launch_date: Day = field(..., "first day on sale", low=date(2009, 1, 1), high=date(2100, 1, 1))
    end_of_sale_date: Day = field(
        ..., "last day on sale by the vendor", low=date(2009, 1, 1), high=date(2100, 1, 1)
    )
    throughput: Annotated[float, unit("H100s or TH/s", 0.01, 1e5)] = field(
        ..., "GPU: rent over an H100's in the first week; ASIC: terahashes a second"
    )
    kw: Annotated[float, unit("kW", 1e-3, 100.0)] = field(..., "power drawn at the machine")
    price_new: USDAUnit = field(..., "vendor's price of a machine, not installed", low=1.0, high=1e7)
    life_years: Years = field(..., "accounting life, straight line", low=0.5)
    source: Text = field(..., "prefix of its keys in the calibration tables, or 'modelling choice'")
    evidence: Text = field(..., "weakest evidence tag of its numbers")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (
            not self.name
            or not all(c.isalnum() or c in " -+_" for c in self.name)
            or self.name != self.name.strip()
        ):
            raise refused("name", self.name, "a name of letters, digits, spaces and -+_")
        if (self.kind == "asic") != (self.cooling == "asic"):
            raise refused("cooling", self.cooling, "'asic' for an asic, 'air' or 'liquid' for a gpu")
        if self.end_of_sale_date < self.launch_date:
            raise refused(
                "end_of_sale_date", self.end_of_sale_date, f"a day from {self.launch_date} (its launch) on"
            )
        if self.evidence not in EVIDENCE:
            raise refused("evidence", self.evidence, "one of " + ", ".join(EVIDENCE))
        return self


def _machine(
    name: str, kind: str, cooling: str, on_sale: tuple[date, date], numbers: tuple[float, ...], evidence: str
) -> Machine:
    """A baseline type; numbers are throughput, kW, price in USD, accounting life in years."""
    throughput, kw, price_new, life_years = numbers
    launch_date, end_of_sale_date = on_sale
    source = "machine." + name.lower().replace(" ", "_")
    return Machine(
        name=name,
        kind=kind,
        cooling=cooling,
        launch_date=launch_date,
        end_of_sale_date=end_of_sale_date,
        throughput=throughput,
        kw=kw,
        price_new=price_new,
        life_years=life_years,
        source=source,
        evidence=evidence,
    )


# A launch lowers what older types earn (compute.launch_step) while a newer one earns the index in full. The
# throughput of a type that is still to come is therefore its lead over the types that it has just lowered:
# 40 to 50 % more a dollar, as the cadence of generations has it. Taking performance itself (3.6 and 8 H100s
# for Rubin and Rubin Ultra) would count that lead twice and make every generation pay back faster.
#
# Vendors stop selling a type about two years after its replacement is launched (a choice; the H100 a
# little earlier), so that H200, B200, B300 and S21 are on sale in the first week of the baseline.
BASELINE_MACHINES: tuple[Machine, ...] = (
    _machine("A100", "gpu", "air", (date(2020, 5, 14), date(2024, 10, 1)), (0.638, 0.73, 15000.0, 6.0), "U"),
    _machine("H100", "gpu", "air", (date(2022, 10, 1), date(2025, 12, 31)), (1.0, 1.28, 30000.0, 6.0), "D"),
    _machine("H200", "gpu", "air", (date(2024, 5, 15), date(2027, 1, 31)), (1.25, 1.28, 35000.0, 6.0), "C"),
    _machine("B200", "gpu", "air", (date(2025, 1, 31), date(2027, 9, 1)), (2.038, 1.83, 40000.0, 6.0), "D"),
    _machine("B300", "gpu", "liquid", (date(2025, 9, 1), date(2028, 11, 1)), (2.35, 2.19, 41667.0, 6.0), "C"),
    _machine(
        "Rubin", "gpu", "liquid", (date(2026, 11, 1), date(2029, 10, 1)), (2.7, 2.78, 48611.0, 6.0), "C"
    ),
    _machine(
        "Rubin Ultra", "gpu", "liquid", (date(2027, 10, 1), date(2030, 10, 1)), (4.5, 4.17, 75000.0, 6.0), "C"
    ),
    _machine(
        "S19 Pro", "asic", "asic", (date(2020, 5, 1), date(2022, 7, 1)), (110.0, 3.25, 4800.0, 4.0), "U"
    ),
    _machine("S19 XP", "asic", "asic", (date(2022, 7, 1), date(2024, 7, 1)), (140.0, 3.01, 8400.0, 4.0), "U"),
    _machine("S21", "asic", "asic", (date(2024, 2, 1), date(2028, 7, 1)), (200.0, 3.5, 2400.0, 4.0), "C"),
    _machine("S23", "asic", "asic", (date(2026, 7, 1), date(2030, 7, 1)), (318.0, 3.5, 5700.0, 4.0), "C"),
)
