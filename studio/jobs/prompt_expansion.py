"""Make all prompts of a template with alternatives, wildcards and variables.

dynamicprompts parses the template. Its generators are not used: they go on for ever over a
wildcard without values or within itself. Here the number of combinations is known before any is
made, and every list is bounded in number and length.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from dynamicprompts.commands import (
    LiteralCommand,
    SequenceCommand,
    VariantCommand,
    WildcardCommand,
    WrapCommand,
)
from dynamicprompts.commands.variable_commands import (
    VariableAccessCommand,
    VariableAssignmentCommand,
)
from dynamicprompts.commands.wrap_command import split_wrapper_string
from dynamicprompts.enums import SamplingMethod
from dynamicprompts.parser.parse import parse

from studio.formats.untrusted_files import printable
from studio.jobs.wildcard_files import Wildcards
from studio.protocol import MAX_PROMPT_LENGTH, ProblemError, problem

Command: TypeAlias = Any
"""A node of the parsed template; the types of dynamicprompts are not known to mypy."""
Scope: TypeAlias = Mapping[str, Command]
"""The variables and their values."""

_MARK = re.compile(r"[{}|$%#]|__|//|/\*")
_MAX_MARKS = 1_000
"""What the parser reads in about half a second."""
_MAX_STEPS = 50_000
"""In a tenth of a second, but in most of one where Python's stack needs new memory for each."""
_STEPS_OF_TEXTS = 2
"""What all texts of a command take, compared to drawing one."""
_OPTIONS_OF_A_STEP = 10
"""How many options are chosen from in the time of a step."""
_MAX_DEPTH = 50
"""Of wildcards and variables within each other."""
_MAX_CHARACTERS = 50_000_000
"""Of all texts that are made on the way."""
_SPARE = 10
"""Combinations may be so many times the prompts that are wanted, since some may be alike."""
_REPEATED = (SamplingMethod.RANDOM, SamplingMethod.CYCLICAL)


class Expansion:
    """One template's expansion. Raises `ProblemError` (bad_input) throughout."""

    def __init__(self, template: str, wildcards: Wildcards, most: int) -> None:
        self._template = template
        self._wildcards = wildcards
        self._most = most
        # Seeded, so that a template always gives the same prompts.
        self._random = random.Random(template)
        self._marks = 0
        self._steps = 0
        self._characters = 0
        self._commands: dict[str, Command] = {}
        self._within: list[str] = []
        self._known: dict[str, list[str]] = {}

    def prompts(self) -> list[str]:
        """Return all prompts in a fixed order, without duplicates."""
        if len(self._template) > MAX_PROMPT_LENGTH:
            raise _too_long()
        try:
            found = self._texts(self._parsed(self._template), {})
        except RecursionError as error:
            raise _unreadable(str(error)) from error
        if len(found) > self._most:
            raise self._too_many(len(found))
        return found

    def _parsed(self, text: str) -> Command:
        if text not in self._commands:
            self._marks += len(_MARK.findall(text))
            if self._marks > _MAX_MARKS:
                raise _too_complex()
            self._commands[text] = self._parse(text)
        return self._commands[text]

    def _parse(self, text: str) -> Command:
        try:
            return parse(text)
        except Exception as error:
            # The exception types of the parser are not part of its public interface.
            if self._within:
                raise problem(
                    "bad_input",
                    "The value {value} of the wildcard {name} cannot be read. Write alternatives"
                    " like {example}, and close every brace.",
                    detail=str(error),
                    value=printable(text, 100),
                    name=printable(self._within[-1]),
                    example="{red|blue}",
                ) from error
            raise _unreadable(str(error)) from error

    # ---- all texts of a command

    def _texts(self, command: Command, scope: Scope) -> list[str]:
        """Return the distinct texts of a command; one of them where they are drawn or in turn."""
        self._count_steps(_STEPS_OF_TEXTS)
        if command.sampling_method in _REPEATED:
            return [next(self._repeated(command, scope))]
        return self._all(command, scope)

    def _all(self, command: Command, scope: Scope) -> list[str]:
        match command:
            case LiteralCommand():
                return [command.literal]
            case SequenceCommand():
                tokens, inner = self._assigned(command.tokens, scope)
                return self._sequence(tokens, inner)
            case VariantCommand():
                options, inner = self._options(command, scope)
                return self._variants(command, [self._texts(one, inner) for one in options])
            case WildcardCommand():
                return self._wildcard(command, scope)
            case WrapCommand():
                wrappers = [
                    split_wrapper_string(one) for one in self._texts(command.wrapper, scope)
                ]
                inner_texts = self._texts(command.inner, scope)
                self._allow(len(wrappers) * len(inner_texts))
                pairs = itertools.product(wrappers, inner_texts)
                return self._distinct(start + text + end for (start, end), text in pairs)
            case VariableAccessCommand():
                name, value = self._variable(command, scope)
                with _Within(self._within, name):
                    return self._texts(value, scope)
        raise _unreadable(type(command).__name__)

    def _sequence(self, tokens: Sequence[Command], scope: Scope) -> list[str]:
        pools: list[list[str]] = []
        repeated: dict[int, Iterator[str]] = {}
        for token in tokens:
            if token.sampling_method in _REPEATED:
                repeated[len(pools)] = self._repeated(token, scope)
                pools.append([""])
                continue
            texts = self._texts(token, scope)
            if pools and len(texts) == len(pools[-1]) == 1 and len(pools) - 1 not in repeated:
                pools[-1] = [pools[-1][0] + texts[0]]
            else:
                pools.append(texts)
            if len(pools[-1][0]) > MAX_PROMPT_LENGTH:
                raise _too_long()
        self._allow(math.prod(map(len, pools)))

        def joined() -> Iterator[str]:
            for combination in itertools.product(*pools):
                parts = list(combination)
                for at, texts in repeated.items():
                    parts[at] = next(texts)
                yield "".join(parts)

        return self._distinct(joined())

    def _variants(self, command: Command, pools: list[list[str]]) -> list[str]:
        pools = [list(pool) for pool in dict.fromkeys(map(tuple, pools)) if pool]
        least, most = (min(bound, len(pools)) for bound in (command.min_bound, command.max_bound))
        self._allow(_arrangements([len(pool) for pool in pools], least, most, self._limit))
        separator = command.separator

        def joined() -> Iterator[str]:
            for number in range(least, most + 1):
                for chosen in itertools.permutations(pools, number):
                    for texts in itertools.product(*chosen):
                        if len(set(texts)) == number:
                            yield _joined(texts, separator)

        return self._distinct(joined())

    def _wildcard(self, command: Command, scope: Scope) -> list[str]:
        name = self._name(command, scope)
        scope = {**scope, **command.variables}
        if not scope and name in self._known:
            return self._known[name]
        with _Within(self._within, name):
            texts: list[str] = []
            for value in self._wildcards.values(name):
                texts += self._value(value, scope)
                self._allow(len(texts))
        found = self._distinct(texts)
        if not scope:
            self._known[name] = found
        return found

    def _value(self, value: str, scope: Scope) -> list[str]:
        """Return the texts of a wildcard's value. Most are plain, and need no parser."""
        if not _MARK.search(value):
            return [value]
        return self._texts(self._parsed(value), scope)

    # ---- texts that are drawn, or taken in turn

    def _repeated(self, command: Command, scope: Scope) -> Iterator[str]:
        """Yield texts without end."""
        if command.sampling_method is SamplingMethod.CYCLICAL:
            return itertools.cycle(self._all(command, scope))
        return iter(lambda: self._drawn(command, scope), None)

    def _drawn(self, command: Command, scope: Scope) -> str:
        self._count_steps(1)
        match command:
            case LiteralCommand():
                return str(command.literal)
            case SequenceCommand():
                tokens, inner = self._assigned(command.tokens, scope)
                return "".join(self._drawn(token, inner) for token in tokens)
            case VariantCommand():
                options, inner = self._options(command, scope)
                weights = command.weights
                if len(weights) != len(options):  # the values of a wildcard
                    weights = [1.0] * len(options)
                least, most = (min(b, len(options)) for b in (command.min_bound, command.max_bound))
                number = self._random.randint(least, most)
                self._count_steps(len(options) // _OPTIONS_OF_A_STEP)
                chosen = _draw(options, weights, number, self._random)
                return _joined([self._drawn(one, inner) for one in chosen], command.separator)
            case WildcardCommand():
                name = self._name(command, scope)
                with _Within(self._within, name):
                    value = self._random.choice(self._wildcards.values(name))
                    if not _MARK.search(value):
                        return value
                    return self._drawn(self._parsed(value), {**scope, **command.variables})
            case WrapCommand():
                start, end = split_wrapper_string(self._drawn(command.wrapper, scope))
                return f"{start}{self._drawn(command.inner, scope)}{end}"
            case VariableAccessCommand():
                name, value = self._variable(command, scope)
                with _Within(self._within, name):
                    return self._drawn(value, scope)
        raise _unreadable(type(command).__name__)

    # ---- names and variables

    def _name(self, command: Command, scope: Scope) -> str:
        wildcard = command.wildcard
        return wildcard if isinstance(wildcard, str) else self._texts(wildcard, scope)[0]

    def _options(self, command: Command, scope: Scope) -> tuple[list[Command], Scope]:
        """Return the options of a variant. Those of a single wildcard are its values."""
        options = [variant.value for variant in command.variants]
        bounds = (command.min_bound, command.max_bound)
        if len(options) == 1 and isinstance(options[0], WildcardCommand) and bounds != (1, 1):
            name = self._name(options[0], scope)
            with _Within(self._within, name):
                values = self._wildcards.values(name)
                self._allow(len(values))
                inner = {**scope, **options[0].variables}
                return [self._option(value) for value in values], inner
        return options, scope

    def _option(self, value: str) -> Command:
        return self._parsed(value) if _MARK.search(value) else LiteralCommand(value)

    def _variable(self, command: Command, scope: Scope) -> tuple[str, Command]:
        value = scope.get(command.name, command.default)
        if value is None:
            raise problem(
                "bad_input",
                "The variable {name} has no value. Set it like {example}.",
                name=command.name,
                example=f"${{{command.name}=red}}",
            )
        return f"${{{command.name}}}", value

    def _assigned(self, tokens: Iterable[Command], scope: Scope) -> tuple[list[Command], Scope]:
        """Return the tokens that are no assignments, and the variables after these."""
        rest: list[Command] = []
        variables: dict[str, Command] = {}
        for token in tokens:
            if not isinstance(token, VariableAssignmentCommand):
                rest.append(token)
            elif token.overwrite or token.name not in scope:
                value = token.value
                if token.immediate:
                    value = LiteralCommand(self._texts(value, scope)[0])
                variables[token.name] = value
        return rest, {**scope, **variables}

    # ---- bounds

    def _count_steps(self, number: int) -> None:
        self._steps += number
        if self._steps > _MAX_STEPS:
            raise _too_complex()

    @property
    def _limit(self) -> int:
        return self._most * _SPARE

    def _allow(self, combinations: int) -> None:
        if combinations > self._limit:
            raise self._too_many(combinations)

    def _distinct(self, texts: Iterable[str]) -> list[str]:
        found: dict[str, None] = {}
        for text in texts:
            if text not in found:
                self._characters += len(text)
                if len(text) > MAX_PROMPT_LENGTH or self._characters > _MAX_CHARACTERS:
                    raise _too_long()
                found[text] = None
        # A choice of several that are all alike has no text at all.
        return list(found) or [""]

    def _too_many(self, found: int) -> ProblemError:
        return problem(
            "bad_input",
            "That would be at least {found} prompts; at most {most} can be made at once. Use fewer"
            " alternatives.",
            found=min(found, 10**12),
            most=self._most,
        )


class _Within:
    """Notes that a wildcard or variable is being expanded, and refuses one within itself."""

    def __init__(self, names: list[str], name: str) -> None:
        if name in names:
            raise problem(
                "bad_input",
                "{name} contains itself, so that it would never end.",
                name=printable(name),
            )
        if len(names) >= _MAX_DEPTH:
            raise problem(
                "bad_input",
                "Wildcards and variables can be within each other at most {most} times.",
                most=_MAX_DEPTH,
            )
        self._names = names
        self._name = name

    def __enter__(self) -> None:
        self._names.append(self._name)

    def __exit__(self, *_: object) -> None:
        self._names.pop()


def _unreadable(detail: str) -> ProblemError:
    return problem(
        "bad_input",
        "The alternatives in the prompt cannot be read. Write them like {red|blue}, and"
        " close every brace.",
        detail=detail,
    )


def _too_complex() -> ProblemError:
    return problem(
        "bad_input",
        "There are too many alternatives to read them all. Use fewer, or put them into a wildcard"
        " file, one per line.",
    )


def _too_long() -> ProblemError:
    return problem(
        "bad_input",
        "The prompts are too long: at most {most} characters each, and {total} together.",
        most=MAX_PROMPT_LENGTH,
        total=_MAX_CHARACTERS,
    )


def _joined(texts: Sequence[str], separator: str) -> str:
    """Join as dynamicprompts does: an empty first or last text leaves no separator."""
    if len(texts) == 1:
        return texts[0]
    joined = separator.join(texts)
    return joined.removeprefix(separator).removesuffix(separator) if separator else joined


def _arrangements(sizes: Sequence[int], least: int, most: int, limit: int) -> int:
    """Return in how many ways `least` to `most` pools of these sizes give a text each, in order.

    Stops above `limit`.
    """
    total = 0
    # products[i]: the sum of the products of all choices of `number` among the first i pools.
    products = [1] * (len(sizes) + 1)
    for number in range(most + 1):
        if number:
            before = products
            products = [0]
            for size, smaller in zip(sizes, before, strict=False):
                products.append(products[-1] + size * smaller)
        ways = math.factorial(number) * products[-1]
        if number >= least:
            total += ways
        # With more pools chosen, there are no fewer ways.
        if ways > limit or total > limit:
            return max(ways, total)
    return total


def _draw(
    options: Sequence[Command], weights: Sequence[float], number: int, source: random.Random
) -> list[Command]:
    """Draw options by their weights, without putting them back."""
    # Efraimidis and Spirakis, 2006: the largest of random numbers to the power of 1 / weight.
    keys = [source.random() ** (1 / weight) if weight > 0 else -1.0 for weight in weights]
    order = sorted(range(len(options)), key=keys.__getitem__, reverse=True)
    return [options[at] for at in order[:number]]
