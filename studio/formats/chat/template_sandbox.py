"""A jinja2 environment for templates that are not trusted, bounded in time and memory.

jinja2's own sandbox keeps a template from reaching Python, but lets it loop and grow as it likes.
Here each rendering has a number of steps: operations, elements and characters that are made or
looked at count. No value may become larger than `MAX_VALUE`, so that no single operation takes
long either; where a result can be much larger than its operands, its size is computed before.

Loops, literals, comparisons and output are not calls in the code that jinja2 generates.
`_Counting` makes calls of filters of them.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, ValuesView
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

from jinja2 import nodes, pass_context
from jinja2.runtime import BlockReference, Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

MAX_TEMPLATE = 100_000
"""Characters. The longest templates of models have some 30,000."""
_MAX_TOKENS = 25_000
"""Words and signs of the template's language; the longest templates have some 5,000."""
MAX_VALUE = 4_000_000
"""Characters in a value, with those of its elements."""
_MAX_ELEMENTS = 100_000
_MAX_DEPTH = 100
_MAX_NUMBER = 100_000
"""For arguments such as the width of a text."""
_MAX_BITS = 10_000
_CHARACTERS_PER_STEP = 64
_ELEMENTS_PER_STEP = 8
_CHARACTERS_PER_FILTER_STEP = 8
_FILTER_STEPS_PER_ELEMENT = 2
"""Filters are slower: some are written in Python, and some sort."""
_CALL_STEPS = 3

# No chat template needs them, and their time or size is hard to bound.
_REMOVED_FILTERS = ("center", "pprint", "striptags", "urlize", "wordwrap", "xmlattr")
_REMOVED_METHODS = frozenset({"maketrans", "translate"})
_CHEAP_FILTERS = frozenset({"attr", "count", "d", "default", "first", "last", "length", "safe"})
_FILTERS_OF_LISTS = frozenset(
    {"batch", "items", "list", "map", "reject", "rejectattr", "reverse", "select", "selectattr"}
    | {"slice", "sum"}
)
"""Filters that take elements as they are, without looking at the characters of texts in them."""
_MEASURED_TESTS = frozenset(
    {"!=", "<", "<=", "==", ">", ">=", "eq", "equalto", "ge", "greaterthan", "gt", "in", "le"}
    | {"lessthan", "lt", "ne"}
)
_WIDTHS = re.compile(r"\*|\d{3}|\{[^{}]*\{")
"""What makes a formatted text much longer than its format: long or computed widths."""

Expr = TypeVar("Expr", bound=nodes.Expr)


class TemplateTooCostlyError(Exception):
    """The template needs more time or memory than any chat template does."""


class _Steps:
    def __init__(self, left: int) -> None:
        self.left = left


_steps: ContextVar[_Steps | None] = ContextVar("steps", default=None)


@contextlib.contextmanager
def bounded(steps: int) -> Iterator[None]:
    """Allow the templates that are rendered inside so many steps in total."""
    token = _steps.set(_Steps(steps))
    try:
        yield
    finally:
        _steps.reset(token)


def _spend(count: int) -> None:
    steps = _steps.get()
    if steps is None:
        return
    steps.left -= count
    if steps.left < 0:
        raise TemplateTooCostlyError("the template takes too many steps")


def _too_large() -> Exception:
    return TemplateTooCostlyError("a value in the template becomes too large")


# ---- sizes


def _size(value: object, *, is_read: bool = False) -> tuple[int, int, int]:
    """Return characters, elements and depth of a value, and spend steps for looking at it.

    What is referred to several times counts several times, as it does when it is written out.
    `is_read` means that the characters of texts inside a list or dictionary are looked at, too.
    """
    if isinstance(value, str):
        if len(value) > MAX_VALUE:
            raise _too_large()
        _spend(1 + len(value) // _CHARACTERS_PER_STEP)
        return len(value), 1, 0
    characters = elements = deepest = 0
    waiting: list[tuple[object, int]] = [(value, 0)]
    while waiting:
        part, depth = waiting.pop()
        elements += 1
        deepest = max(deepest, depth)
        inner: Any = ()
        match part:
            case str() | bytes():
                characters += len(part)
            case int():
                characters += part.bit_length() // 8
            case dict():
                inner = (*part, *part.values()) if len(part) < _MAX_ELEMENTS else None
            case list() | tuple() | set() | frozenset() | KeysView() | ValuesView() | ItemsView():
                inner = part if len(part) < _MAX_ELEMENTS else None
            case range():
                elements += len(part)
            case Namespace():
                inner = (object.__getattribute__(part, "_Namespace__attrs"),)
        if (
            inner is None
            or elements + len(waiting) + len(inner) > _MAX_ELEMENTS
            or characters > MAX_VALUE
            or depth > _MAX_DEPTH
        ):
            raise _too_large()
        waiting += [(one, depth + 1) for one in inner]
    _spend(1 + elements // _ELEMENTS_PER_STEP)
    if is_read:
        _spend(characters // _CHARACTERS_PER_STEP)
    return characters, elements, deepest


def _listed(value: Any) -> list[Any]:
    """Return the elements of a value, each of which takes a step."""
    found: list[Any] = []
    for one in value:
        _spend(1)
        found.append(one)
        if len(found) > _MAX_ELEMENTS:
            raise _too_large()
    return found


def _sized(value: Any) -> Any:
    """Return a value that is not too large; the elements of an iterator as a list."""
    if isinstance(value, Iterator):
        value = _listed(value)
    _size(value)
    return value


def _read(value: Any) -> Any:
    """Return a value that is not too large, all of which is looked at."""
    if isinstance(value, Iterator):
        value = _listed(value)
    _size(value, is_read=True)
    return value


def _limit(size: int) -> None:
    if size > MAX_VALUE:
        raise _too_large()


# ---- operations whose result can be much larger than their operands


def _check_text_method(name: str, text: Any, arguments: tuple[Any, ...]) -> None:
    if name in _REMOVED_METHODS:
        raise TemplateTooCostlyError(f"the method {name} cannot be used in a template")
    if name in ("format", "format_map"):
        _check_format(text, "{", arguments)
        return
    if any(isinstance(one, int) and abs(one) > _MAX_NUMBER for one in arguments):
        raise _too_large()
    if name == "replace" and len(arguments) > 1:
        _check_replacement(text, *arguments[:2])
    elif name == "join" and arguments:
        _limit(len(text) * len(arguments[0]))
    elif name == "expandtabs":
        _limit(len(text) * max((n for n in arguments if isinstance(n, int)), default=8))


def _check_replacement(text: Any, old: Any, new: Any) -> None:
    if isinstance(text, str) and isinstance(old, str) and isinstance(new, str):
        _limit(len(text) + text.count(old) * len(new))


def _check_format(text: str, sign: str, arguments: object) -> None:
    if _WIDTHS.search(text):
        raise TemplateTooCostlyError("a width in a format of the template is too large")
    characters, elements, _ = _size(arguments, is_read=True)
    # Written out, a list has some characters for each element.
    _limit(len(text) + text.count(sign) * (100 + characters + 10 * elements))


def _check_operator(operator: str, left: Any, right: Any) -> None:
    if operator == "%" and isinstance(left, str):
        _check_format(left, "%", right)
        return
    characters, elements, _ = _size((left, right))
    if isinstance(left, int) and isinstance(right, int):
        if operator == "**":
            _limit_bits(left.bit_length() * max(right, 0))
        elif operator == "*":
            _limit_bits(left.bit_length() + right.bit_length())
    elif operator == "*":
        times = right if isinstance(right, int) else left
        if isinstance(times, int):
            is_text = isinstance(left, str) or isinstance(right, str)
            _limit(times * (characters if is_text else characters + 16 * elements))


def _limit_bits(bits: int) -> None:
    if bits > _MAX_BITS:
        raise _too_large()


def _check_filter(name: str, value: Any, arguments: tuple[Any, ...]) -> None:
    if any(isinstance(one, int) and abs(one) > _MAX_NUMBER for one in arguments):
        raise _too_large()
    if name == "replace" and len(arguments) > 1:
        _check_replacement(str(value), *arguments[:2])
    elif name == "format":
        _check_format(str(value), "%", arguments)
    elif name == "indent":
        width = arguments[0] if arguments else 4
        _limit(str(value).count("\n") * (width if isinstance(width, int) else len(str(width))))
    elif name == "join" and arguments:
        _limit(len(str(arguments[0])) * (len(value) if isinstance(value, list) else 1))
    elif name == "tojson":
        _, elements, depth = _size(value)
        spaces = [one if isinstance(one, int) else len(str(one)) for one in arguments]
        _limit(elements * depth * max(spaces, default=0))
    elif name == "sum" and any(isinstance(one, str | list | tuple) for one in arguments):
        raise TemplateTooCostlyError("only numbers can be added up in a template")


# ---- the environment


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox whose templates take steps (`bounded`) for all that they do."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self, **options: Any) -> None:
        # Folding constants would compute them without bounds, while the template is compiled.
        super().__init__(optimized=False, finalize=_output, **options)
        self.globals.pop("lipsum", None)
        for name in _REMOVED_FILTERS:
            self.filters.pop(name, None)
        for name, apply in self.filters.items():
            self.filters[name] = _bounded_filter(name, apply)
        for name, test in self.tests.items():
            self.tests[name] = _bounded_test(name, cast(Any, test))
        self.filters |= {
            "_compared": _read,
            "_counted": _listed,
            "_joined": _joined,
            "_made": _sized,
            "_searched": _searched,
            "_sliced": _sliced,
        }

    def add_filter(self, name: str, apply: Callable[..., Any]) -> None:
        """Add a filter, bounded as those of jinja2."""
        self.filters[name] = _bounded_filter(name, apply)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        if len(source) > MAX_TEMPLATE:
            raise TemplateTooCostlyError("the template is too long")
        for count, _ in enumerate(self.lex(source, name, filename)):
            if count > _MAX_TOKENS:
                raise TemplateTooCostlyError("the template is too long")
        return cast(nodes.Template, _Counting().visit(super()._parse(source, name, filename)))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _check_operator(operator, left, right)
        return _sized(super().call_binop(context, operator, left, right))

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, tuple):
            _size(argument)  # it is hashed
        return super().getitem(obj, argument)

    def call(
        __self,
        __context: Context,
        __obj: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        _spend(_CALL_STEPS)
        if isinstance(__obj, LoopContext) and args:
            args = (_listed(args[0]), *args[1:])  # a recursive loop
        elif not isinstance(__obj, Macro | BlockReference | LoopContext):
            args = tuple(_listed(one) if isinstance(one, Iterator) else one for one in args)
            method = getattr(__obj, "__wrapped__", __obj)
            owner = getattr(method, "__self__", None)
            _size((args, kwargs), is_read=isinstance(owner, str | bytes | list | tuple))
            if isinstance(owner, str | bytes):
                _size(owner)
                _check_text_method(method.__name__, owner, (*args, *kwargs.values()))
            elif isinstance(owner, list | tuple):
                _read(owner)  # `index` and `count` compare
            elif any(isinstance(one, int) and abs(one) > _MAX_NUMBER for one in args):
                _limit_integer_arguments(owner)
        return _sized(super().call(__context, __obj, *args, **kwargs))


def _limit_integer_arguments(owner: object) -> None:
    if isinstance(owner, int):  # such as `to_bytes`
        raise _too_large()


def _bounded_filter(name: str, apply: Callable[..., Any]) -> Callable[..., Any]:
    leading = 0 if getattr(apply, "jinja_pass_arg", None) is None else 1

    @wraps(apply)
    def applied(*args: Any, **kwargs: Any) -> Any:
        _spend(1)
        passed, args = args[:leading], args[leading:]
        if name in _CHEAP_FILTERS and not isinstance(args[0], Iterator):
            return apply(*passed, *args, **kwargs)
        args = tuple(_listed(one) if isinstance(one, Iterator) else one for one in args)
        characters, elements, _ = _size((args, kwargs))
        _spend(_FILTER_STEPS_PER_ELEMENT * elements)
        if name not in _FILTERS_OF_LISTS or isinstance(args[0], str):
            _spend(characters // _CHARACTERS_PER_FILTER_STEP)
        _check_filter(name, args[0], (*args[1:], *kwargs.values()))
        return _sized(apply(*passed, *args, **kwargs))

    return applied


def _bounded_test(name: str, test: Callable[..., Any]) -> Callable[..., Any]:
    if name not in _MEASURED_TESTS:
        return test

    @wraps(test)
    def tested(*args: Any) -> Any:
        return test(*(_read(one) for one in args))

    return tested


@pass_context
def _output(_: Context, value: Any) -> Any:
    return _read(value)


def _joined(values: list[Any]) -> str:
    _read(values)
    text = "".join(map(str, values))
    _size(text)
    return text


def _searched(value: Any) -> Any:
    return value if isinstance(value, Mapping) else _read(value)


def _sliced(value: Any) -> Any:
    if isinstance(value, str):
        _size(value)
    elif isinstance(value, list | tuple):
        _spend(1 + len(value) // _ELEMENTS_PER_STEP)
    return value


class _Counting(NodeTransformer):
    """Makes calls of filters of what takes time or memory in the generated code."""

    def visit_TemplateData(self, node: nodes.TemplateData) -> nodes.Node:
        # Output that is a constant is counted, text of the template is not.
        return _at(nodes.Const(node.data), node)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        self.generic_visit(node)
        node.iter = _filtered(node.iter, "_counted")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(_at(nodes.List(node.nodes), node), "_joined")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _filtered(node.expr, "_compared")
        for operand in node.ops:
            is_search = operand.op in ("in", "notin")
            operand.expr = _filtered(operand.expr, "_searched" if is_search else "_compared")
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        self.generic_visit(node)
        return _filtered(node, "_sliced") if isinstance(node.arg, nodes.Slice) else node

    def _visit_literal(self, node: nodes.Expr) -> nodes.Node:
        self.generic_visit(node)
        is_target = getattr(node, "ctx", "load") != "load"
        return node if is_target else _filtered(node, "_made")

    visit_List = visit_Tuple = visit_Dict = _visit_literal


def _filtered(node: Any, name: str) -> nodes.Filter:
    return _at(nodes.Filter(node, name, [], [], None, None), node)


def _at(made: Expr, node: nodes.Node) -> Expr:
    # `set_lineno` and `set_environment` would walk through all that is inside.
    made.lineno = node.lineno
    made.environment = node.environment
    return made
