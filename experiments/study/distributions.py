"""Ranges and distributions of a factor: from u in [0, 1] to a value, never falling in u.

An unbounded distribution is cut at its own `low` and `high`, where it has them, and at the documented bounds
of the field, and what lies between is scaled up to one.
"""

from abc import abstractmethod
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from hashcredit.simulator.scenario.fields.base import Section, field, refused

LEAST_MASS = 0.01
"""Least probability between its bounds that a distribution may have before it is cut."""

_TINY, _HUGE = 1e-300, 1e300


def _number(meaning: str, default: Any = ..., low: float = -_HUGE) -> Any:
    """A number of a form, in the unit of the field unless `meaning` says otherwise."""
    return field(default, meaning, low=low, high=_HUGE)


class Form(Section):
    """What all ranges and distributions have in common."""

    unit: str | None = field(None, "unit, if given the documented one")

    @abstractmethod
    def bounds(self, low: float, high: float) -> tuple[float, float]:
        """Least and largest value, given the documented bounds."""

    @abstractmethod
    def quantile(self, u: np.ndarray, low: float, high: float) -> np.ndarray:
        """Values at `u`, an array of numbers in [0, 1], given the bounds of the field."""

    def mass(self, low: float, high: float) -> float:
        """Probability between the bounds before anything is cut off."""
        return 1.0


class _Ended(Form):
    """A range or distribution with two ends of its own."""

    low: float = _number("least value")
    high: float = _number("largest value")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_order(self.low, self.high)
        return self

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        return self.low, self.high


class Range(_Ended):
    """Every value between two ends, or every order of magnitude, equally likely."""

    scale: Literal["linear", "log"] = field("linear", "what is equally likely")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if self.scale == "log" and self.low <= 0.0:
            raise refused("low", self.low, "a number above 0, since the scale is logarithmic")
        return self

    def quantile(self, u: np.ndarray, low: float, high: float) -> np.ndarray:
        if self.scale == "log":
            values = np.exp(np.log(self.low) + u * (np.log(self.high) - np.log(self.low)))
        else:
            values = self.low + u * (self.high - self.low)
        return np.where(u >= 1.0, self.high, np.where(u <= 0.0, self.low, values))

    def whole_quantile(self, u: np.ndarray) -> np.ndarray:
        """Whole numbers from low to high, both included: equally likely, or as if cut from a log scale."""
        if self.scale == "log":
            return np.floor(self.low * ((self.high + 1.0) / self.low) ** u)
        return self.low + np.floor(u * (self.high - self.low + 1.0))


class Uniform(Range):
    """A range under its other name."""

    distribution: Literal["uniform"] = field(..., "kind")
    scale: Literal["linear"] = field("linear", "what is equally likely")


class LogUniform(Range):
    """A range on a log scale under its other name."""

    distribution: Literal["log-uniform"] = field(..., "kind")
    scale: Literal["log"] = field("log", "what is equally likely")


class _Cut(Form):
    """A distribution whose tails are cut."""

    low: float | None = _number("where the lower tail is cut", None)
    high: float | None = _number("where the upper tail is cut", None)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None:
            _check_order(self.low, self.high)
        return self

    def bounds(self, low: float, high: float) -> tuple[float, float]:
        return low if self.low is None else self.low, high if self.high is None else self.high

    def mass(self, low: float, high: float) -> float:
        from scipy.special import ndtr

        least, most = (self._score(end) for end in self.bounds(low, high))
        return float(ndtr(most) - ndtr(least))

    def quantile(self, u: np.ndarray, low: float, high: float) -> np.ndarray:
        from scipy.special import ndtr, ndtri

        least, most = self.bounds(low, high)
        below, above = ndtr(self._score(least)), ndtr(self._score(most))
        return _clipped(self._value(ndtri(below + u * (above - below))), least, most)

    @abstractmethod
    def _score(self, value: float) -> float:
        """Standard normal score of a value."""

    @abstractmethod
    def _value(self, score: np.ndarray) -> np.ndarray:
        """Value of a standard normal score."""


class Normal(_Cut):
    """Gaussian with its mean and standard deviation before it is cut."""

    distribution: Literal["normal"] = field(..., "kind")
    mean: float = _number("mean")
    sd: float = _number("standard deviation", low=_TINY)

    def _score(self, value: float) -> float:
        return (value - self.mean) / self.sd

    def _value(self, score: np.ndarray) -> np.ndarray:
        return self.mean + self.sd * score


class LogNormal(_Cut):
    """Gaussian logarithm, with its median and the standard deviation of the natural logarithm."""

    distribution: Literal["lognormal"] = field(..., "kind")
    median: float = _number("median", low=_TINY)
    sigma: float = field(..., "standard deviation of the natural logarithm", low=_TINY, high=100.0)

    def _score(self, value: float) -> float:
        return float(np.log(value / self.median)) / self.sigma if value > 0.0 else -np.inf

    def _value(self, score: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(np.log(self.median) + self.sigma * score))


class Triangular(_Ended):
    """From low up to mode and down to high."""

    distribution: Literal["triangular"] = field(..., "kind")
    mode: float = _number("most likely value")

    @model_validator(mode="after")
    def _inside(self) -> Self:
        if not self.low <= self.mode <= self.high:
            raise refused("mode", self.mode, f"a number from low to high, {self.low} to {self.high}")
        return self

    def quantile(self, u: np.ndarray, low: float, high: float) -> np.ndarray:
        width, rise, fall = self.high - self.low, self.mode - self.low, self.high - self.mode
        rising = self.low + np.sqrt(u * width * rise)
        falling = self.high - np.sqrt((1.0 - u) * width * fall)
        return _clipped(np.where(u * width < rise, rising, falling), self.low, self.high)


class Beta(_Ended):
    """Beta distribution with parameters a and b, stretched from low to high."""

    distribution: Literal["beta"] = field(..., "kind")
    a: float = field(..., "first shape parameter", low=0.01, high=1e4)
    b: float = field(..., "second shape parameter", low=0.01, high=1e4)

    def quantile(self, u: np.ndarray, low: float, high: float) -> np.ndarray:
        from scipy.special import betaincinv

        values = self.low + betaincinv(self.a, self.b, u) * (self.high - self.low)
        return _clipped(values, self.low, self.high)


DISTRIBUTIONS: dict[str, type[Form]] = {
    "uniform": Uniform,
    "log-uniform": LogUniform,
    "normal": Normal,
    "lognormal": LogNormal,
    "triangular": Triangular,
    "beta": Beta,
}
"""Name in a study file -> class."""


def has_open_end(form: Form) -> bool:
    """Whether only the documented bounds of the field end a tail."""
    return isinstance(form, _Cut) and (form.low is None or form.high is None)


def _clipped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rounding can end a hair outside."""
    return np.asarray(np.clip(values, low, high))


def _check_order(low: float, high: float) -> None:
    if not low < high:
        raise refused("low", low, f"a number below high, which is {high}")
