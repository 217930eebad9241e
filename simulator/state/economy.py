"""The economy as kernels see it: one pointer, whose attributes are the state's tables.

A tuple of arrays would cost some two hundred words and two dozen atomic reference counts at every call.
So an `Economy` keeps a small table of addresses and shapes, and compiled code receives the address of
that table alone; `economy.borrowers` builds a view from it. The Python object owns the arrays and must
outlive the call, which it does as an argument. A kernel never makes or replaces an array of the economy.

The same table holds the addresses of the rules that take the agents' decisions (`decisions.DECISIONS`).
To kernels these are methods: `economy.forbearance_rule(...)` calls whatever rule the economy was made
with, under Numba's own calling convention, so that what a rule raises comes out of the kernel.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from llvmlite import ir
from numba import config, from_dtype, types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate, ConcreteTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    lower_builtin,
    lower_getattr,
    models,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import getitem_array_tuple, getitem_arraynd_intp, populate_array, setitem_array

from hashcredit.simulator.state.arrays import FIELDS, Arrays
from hashcredit.simulator.state.decisions import DECISIONS, DEFAULT_RULES, Decision, attribute

WORD = ir.IntType(64)
MOST_DIMENSIONS = 3
WORDS_A_FIELD = 1 + MOST_DIMENSIONS
"""A field takes its address and its shape in the address table; after the fields a rule takes its address."""
FIRST_RULE = len(FIELDS) * WORDS_A_FIELD
RULES = {attribute(name): decision for name, decision in DECISIONS.items()}
"""Decisions by their names in kernels."""


class Economy(Arrays):
    """The tables, networks, paths and scratch arrays of one replicate; see `Arrays`.

    rules    function of each decision; kernels call the machine code that they keep alive
    """

    __slots__ = (*FIELDS, *RULES, "_table", "address", "rules")

    underwriting_rule: Callable[..., bool]
    forbearance_rule: Callable[..., bool]
    rollover_rule: Callable[..., bool]
    bidding_rule: Callable[..., float]
    reservation_rule: Callable[..., float]
    quota_rule: Callable[..., int]
    rules: Mapping[str, Callable[..., Any]]
    address: int

    def __init__(self, rules: Mapping[str, Callable[..., Any]] = DEFAULT_RULES, **arrays: np.ndarray) -> None:
        if arrays.keys() != FIELDS.keys():
            raise TypeError(f"an economy needs exactly the arrays {list(FIELDS)}")
        if rules.keys() != DECISIONS.keys():
            raise TypeError(f"an economy needs exactly the rules {list(DECISIONS)}")
        table = np.zeros(FIRST_RULE + len(RULES), np.int64)
        fields = table[:FIRST_RULE].reshape(len(FIELDS), WORDS_A_FIELD)
        for position, (name, field) in enumerate(FIELDS.items()):
            array = arrays[name]
            if array.dtype != field.dtype or not field.fits(array.shape) or not array.flags.c_contiguous:
                raise TypeError(f"{name} must be a contiguous array of {field.dtype} of shape {field.shape}")
            object.__setattr__(self, name, array)
            fields[position, 0] = array.ctypes.data
            fields[position, 1 : 1 + array.ndim] = array.shape
        for position, (name, decision) in enumerate(DECISIONS.items()):
            object.__setattr__(self, attribute(name), rules[name])
            table[FIRST_RULE + position] = entry_point(rules[name], decision)
        object.__setattr__(self, "rules", rules)
        object.__setattr__(self, "_table", table)
        object.__setattr__(self, "address", table.ctypes.data)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name} cannot be replaced: compiled code holds its address")

    def copy_with(self, *names: str) -> "Economy":
        """An economy that shares all arrays but owns copies of the named ones."""
        arrays = {name: getattr(self, name) for name in FIELDS}
        return Economy(self.rules, **{**arrays, **{name: arrays[name].copy() for name in names}})


def entry_point(rule: Any, decision: Decision) -> int:
    """Address of a rule's machine code, compiled for the decision's types; 0 where nothing is compiled."""
    if config.DISABLE_JIT:
        return 0
    compiled = rule.get_compile_result(decision.signature)
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


class EconomyType(types.Type):
    """Numba's type of an `Economy`."""

    def __init__(self) -> None:
        super().__init__(name="hashcredit.Economy")


class Table(types.Array):
    """Numba's type of an economy's arrays.

    Their indices count from the first row. Those of other arrays may be negative and then count from the
    end, which compiled code has to find out at each of them.
    """

    def __init__(self, dtype: Any, dimensions: int) -> None:
        super().__init__(dtype, dimensions, "C", name=f"hashcredit.Table({dtype}, {dimensions})")


ECONOMY = EconomyType()
ARRAY_TYPES = {name: Table(from_dtype(field.dtype), len(field.shape)) for name, field in FIELDS.items()}
register_model(Table)(models.ArrayModel)


def _from_first_row(context: Any, builder: Any, signature: Any, values: Any) -> tuple[Any, Any]:
    """Signature and values of a look into a table; whole numbers in its index become ones without sign."""
    index, value = signature.args[1], values[1]
    several = isinstance(index, types.BaseTuple)
    kinds = list(index) if several else [index]
    parts = cgutils.unpack_tuple(builder, value, len(kinds)) if several else [value]
    for place, kind in enumerate(kinds):
        if isinstance(kind, types.Integer):
            parts[place] = context.cast(builder, parts[place], kind, types.intp)
            kinds[place] = types.uintp
    if several:
        index = types.Tuple(kinds)
        value = context.make_tuple(builder, index, parts)
    else:
        index, value = kinds[0], parts[0]
    arguments = (signature.args[0], index, *signature.args[2:])
    return signature.replace(args=arguments), (values[0], value, *values[2:])


@lower_builtin(operator.getitem, Table, types.Integer)
def _row(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return getitem_arraynd_intp(context, builder, *_from_first_row(context, builder, signature, values))


@lower_builtin(operator.getitem, Table, types.BaseTuple)
def _entry(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return getitem_array_tuple(context, builder, *_from_first_row(context, builder, signature, values))


@lower_builtin(operator.setitem, Table, types.Integer, types.Any)
@lower_builtin(operator.setitem, Table, types.BaseTuple, types.Any)
def _set(context: Any, builder: Any, signature: Any, values: Any) -> Any:
    return setitem_array(context, builder, *_from_first_row(context, builder, signature, values))


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
    """Types of `economy.<field>` and `economy.<decision>_rule` in kernels."""

    key = EconomyType

    def generic_resolve(self, kind: EconomyType, name: str) -> Any:
        return ARRAY_TYPES.get(name) or METHOD_TYPES.get(name)


def _word(builder: Any, address: Any, place: int) -> Any:
    """Load a word of the address table."""
    table = builder.inttoptr(address, WORD.as_pointer())
    loaded = builder.load(builder.gep(table, [ir.Constant(WORD, place)]))
    # the table never changes while a kernel runs, so a load may be reused
    loaded.set_metadata("invariant.load", builder.module.add_metadata([]))
    return loaded


def _lower(name: str, position: int) -> None:
    kind = ARRAY_TYPES[name]

    @lower_getattr(EconomyType, name)
    def view(context: Any, builder: Any, owner: Any, address: Any) -> Any:
        """Array structure (no reference count) from the field's row of the address table."""

        def word(index: int) -> Any:
            return _word(builder, address, WORDS_A_FIELD * position + index)

        # a length that is the same in every economy need not be looked up
        shape = [
            ir.Constant(WORD, length) if isinstance(length, int) else word(1 + axis)
            for axis, length in enumerate(FIELDS[name].shape)
        ]
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


def _method(name: str, signature: Any, position: int) -> Any:
    """Numba's type of `economy.<name>`, a method that calls the rule at a place of the address table."""

    class Method(ConcreteTemplate):
        key = f"hashcredit.Economy.{name}"
        cases: ClassVar = [signature.replace(recvr=ECONOMY)]

    @lower_builtin(Method.key, ECONOMY, *signature.args)
    def call(context: Any, builder: Any, found: Any, values: Any) -> Any:
        convention = context.call_conv
        entry = convention.get_function_type(signature.return_type, signature.args).as_pointer()
        rule = builder.inttoptr(_word(builder, values[0], FIRST_RULE + position), entry)
        status, result = convention.call_function(
            builder, rule, signature.return_type, signature.args, values[1:]
        )
        with cgutils.if_unlikely(builder, status.is_error):
            convention.return_status_propagate(builder, status)
        return result

    return types.BoundFunction(Method, ECONOMY)


for _position, _name in enumerate(FIELDS):
    _lower(_name, _position)
METHOD_TYPES = {
    name: _method(name, decision.signature, position)
    for position, (name, decision) in enumerate(RULES.items())
}
