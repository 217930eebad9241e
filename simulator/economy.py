"""The economy as kernels see it: one pointer, whose attributes are the state's tables.

A tuple of arrays would cost some two hundred words and two dozen atomic reference counts at every call.
So an `Economy` keeps a small table of addresses and shapes, and compiled code receives the address of
that table alone; `economy.borrowers` builds a view from it. The Python object owns the arrays and must
outlive the call, which it does as an argument. A kernel never makes or replaces an array of the economy.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import from_dtype, types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_getattr,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import populate_array

from hashcredit.simulator.tables import FIELDS, FIXED_SHAPES

WORD = ir.IntType(64)
MOST_DIMENSIONS = 3
WORDS_A_FIELD = 1 + MOST_DIMENSIONS
"""A field takes its address and its shape in the address table."""


class Economy:
    """The tables, networks, paths and scratch arrays of one replicate; see `tables.FIELDS`."""

    __slots__ = (*FIELDS, "_table", "address")

    borrowers: np.ndarray
    lenders: np.ndarray
    buyers: np.ndarray
    loans: np.ndarray
    orders: np.ndarray
    machines: np.ndarray
    market: np.ndarray
    world: np.ndarray
    flows: np.ndarray
    revaluations: np.ndarray
    events: np.ndarray
    series: np.ndarray
    credit_start: np.ndarray
    credit_lender: np.ndarray
    trade_start: np.ndarray
    trade_seller: np.ndarray
    tightness_path: np.ndarray
    haircut_path: np.ndarray
    btc_path: np.ndarray
    rent_path: np.ndarray
    dues: np.ndarray
    value_table: np.ndarray
    valued_week: np.ndarray
    launch_times: np.ndarray
    launch_factors: np.ndarray
    pieces: np.ndarray
    moments: np.ndarray
    weights: np.ndarray
    tally: np.ndarray
    lots: np.ndarray
    known: np.ndarray
    trades: np.ndarray
    node_head: np.ndarray
    classes: np.ndarray
    class_of: np.ndarray
    called: np.ndarray
    ranking: np.ndarray
    served: np.ndarray
    address: int

    def __init__(self, **arrays: np.ndarray) -> None:
        if arrays.keys() != FIELDS.keys():
            raise TypeError(f"an economy needs exactly the arrays {list(FIELDS)}")
        table = np.zeros((len(FIELDS), WORDS_A_FIELD), np.int64)
        for position, (name, (dtype, dimensions)) in enumerate(FIELDS.items()):
            array = arrays[name]
            if array.dtype != dtype or array.ndim != dimensions or not array.flags.c_contiguous:
                raise TypeError(f"{name} must be a contiguous array of {dimensions} dimensions of {dtype}")
            if array.shape != FIXED_SHAPES.get(name, array.shape):
                raise TypeError(f"{name} must have the shape {FIXED_SHAPES[name]}")
            object.__setattr__(self, name, array)
            table[position, 0] = array.ctypes.data
            table[position, 1 : 1 + dimensions] = array.shape
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "address", table.ctypes.data)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be replaced: compiled code holds its address")

    def copy_with(self, *names: str) -> "Economy":
        """An economy that shares all arrays but owns copies of the named ones."""
        arrays = {name: getattr(self, name) for name in FIELDS}
        return Economy(**{**arrays, **{name: arrays[name].copy() for name in names}})


class EconomyType(types.Type):
    """Numba's type of an `Economy`."""

    def __init__(self) -> None:
        super().__init__(name="hashcredit.Economy")


ECONOMY = EconomyType()
ARRAY_TYPES = {
    name: types.Array(from_dtype(dtype), dimensions, "C") for name, (dtype, dimensions) in FIELDS.items()
}


@typeof_impl.register(Economy)
def _typeof(value: Economy, context: Any) -> EconomyType:
    return ECONOMY


@register_model(EconomyType)
class EconomyModel(models.PrimitiveModel):
    """An economy is the address of its table."""

    def __init__(self, manager: Any, frontend: Any) -> None:
        super().__init__(manager, frontend, WORD)


@unbox(EconomyType)
def _unbox(kind: EconomyType, value: Any, context: Any) -> NativeValue:
    attribute = context.pyapi.object_getattr_string(value, "address")
    address = context.pyapi.long_as_ulonglong(attribute)
    context.pyapi.decref(attribute)
    return NativeValue(address, is_error=cgutils.is_not_null(context.builder, context.pyapi.err_occurred()))


@infer_getattr
class EconomyAttributes(AttributeTemplate):
    """Types of `economy.<field>` in kernels."""

    key = EconomyType

    def generic_resolve(self, kind: EconomyType, name: str) -> Any:
        return ARRAY_TYPES.get(name)


def _lower(name: str, position: int) -> None:
    kind = ARRAY_TYPES[name]

    @lower_getattr(EconomyType, name)
    def view(context: Any, builder: Any, owner: Any, address: Any) -> Any:
        """Array structure (no reference count) from the field's row of the address table."""
        table = builder.inttoptr(address, WORD.as_pointer())

        def word(index: int) -> Any:
            place = WORDS_A_FIELD * position + index
            loaded = builder.load(builder.gep(table, [ir.Constant(WORD, place)]))
            # the table never changes while a kernel runs, so a load may be reused
            loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
            return loaded

        if name in FIXED_SHAPES:
            shape = [ir.Constant(WORD, length) for length in FIXED_SHAPES[name]]
        else:
            shape = [word(1 + axis) for axis in range(kind.ndim)]
        size = context.get_abi_sizeof(context.get_data_type(kind.dtype))
        strides = [ir.Constant(WORD, size)]
        for length in reversed(shape[1:]):
            strides.insert(0, builder.mul(strides[0], length))
        array = context.make_array(kind)(context, builder)
        data = builder.inttoptr(word(0), context.get_data_type(kind.dtype).as_pointer())
        populate_array(
            array, data=data, shape=shape, strides=strides, itemsize=ir.Constant(WORD, size), meminfo=None
        )
        return array._getvalue()


for _position, _name in enumerate(FIELDS):
    _lower(_name, _position)
