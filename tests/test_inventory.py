"""The API of Keras 1.0.1 and of 1.2.2, name by name: every module, class, function, method and
argument, with its default.

`keras1_api.json` and `keras122_api.json` hold what Keras had (the key `about` explains the form).
Of ours are compared the names, the order and the defaults of what can be given by position.
Arguments of our own are allowed by keyword only, or stand in `EXTRAS`. Where 1.2.2 orders arguments
otherwise than 1.0.1, the order of 1.0.1 holds, and the arguments of 1.2.2 are taken by keyword.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.inventory_calls import CALLS_OF_THE_DECK, legacy_call

INVENTORY, LATER = (
    json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    for name in ("keras1_api.json", "keras122_api.json")
)
MODULES = INVENTORY["modules"]
LEGACY = INVENTORY["legacy_0_3_3"]

# Arguments behind those of Keras that may be given by position too, and why.
EXTRAS = (
    {
        f"keras.{model}.fit": (["initial_epoch"], "an interrupted run goes on")
        for model in ("engine.training.Model", "models.Sequential", "legacy.models.Graph")
    }
    | {
        f"keras.legacy.models.Graph.{method}_generator": (["nb_worker", "pickle_safe", *more], why)
        for why in ("as of the other models",)
        for method, more in (("fit", ["initial_epoch"]), ("evaluate", ()), ("predict", ()))
    }
    | {
        f"keras.{model}.from_config": (["custom_objects"], "as of every other model")
        for model in ("models.Sequential", "legacy.models.Graph")
    }
    | {"keras.legacy.models.Graph.load_weights": (["by_name"], "as of the other models")}
    | {
        f"keras.layers.containers.{model}.__init__": (["name"], "one class with keras.models'")
        for model in ("Sequential", "Graph")
    }
)

EXTRAS["keras.layers.convolutional.conv_output_length"] = (["dilation"], "as Keras 1.2 has it")

# Arguments that have a default here and none, or another one, in Keras, and why.
OPTIONAL = {
    "keras.datasets.imdb.get_word_index": (["path"], "the two data sets have two indices here"),
    "keras.preprocessing.image.ImageDataGenerator.flow": (["y"], "none are needed to predict"),
    "keras.engine.topology.Container.summary": (
        ["line_length", "positions"],
        "a table fits 80 columns",
    ),
    "keras.utils.io_utils.HDF5Matrix.__init__": (["start", "end"], "all rows, as later"),
    "keras.utils.layer_utils.print_summary": (["line_length"], "a table fits 80 columns"),
    **{
        f"keras.{layer}.compute_mask": (["mask"], "no mask is None, as of a layer")
        for layer in (
            "engine.topology.Container",
            "layers.convolutional_recurrent.ConvRecurrent2D",
            "layers.recurrent.Recurrent",
            "layers.wrappers.Bidirectional",
        )
    },
    "keras.layers.core.Reshape.__init__": (["target_shape"], "Keras 0.3 named it dims"),
}

# Defaults that are expressions in Keras -> what ours may be.
DEFAULTS = {
    "_FLOATX": [None],  # the type of now; Keras read it once, when it was imported
    "K.floatx()": [None],
    "'th'": ["th", "default"],  # th with keras=1.0
    "base_filter()": [string.punctuation.replace("'", "") + "\t\n"],
    # One list or dict for all calls is a trap; ours is one that nobody can change, or None.
    "[]": [(), None],
    "{}": [(), None, MappingProxyType({})],
}

# Arguments of 1.2.2 that are called otherwise in 1.0.1, whose name holds.
RENAMED = {
    "keras.callbacks.TensorBoard.on_train_end": {"_": "logs"},
    "keras.engine.topology.Merge.compute_mask": {"inputs": "input"},
    "keras.layers.core.Masking.compute_mask": {"x": "input"},
    "keras.layers.wrappers.TimeDistributed.call": {"inputs": "X"},
    "keras.regularizers.EigenvalueRegularizer.__call__": {"x": "loss"},
    "keras.regularizers.L1L2Regularizer.__call__": {"x": "loss"},
    "keras.regularizers.Regularizer.__call__": {"x": "loss"},
    "keras.regularizers.Regularizer.set_layer": {"_": "layer"},
    "keras.regularizers.Regularizer.set_param": {"_": "p"},
}

Signature = list[list[str]]
Finding = tuple[str, str | None]  # a name, and what is wrong with it


def ours(module: str) -> object | None:
    """Our module of Keras' name, None where there is none."""
    name = "graphc" + module.removeprefix("keras")
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not name.startswith(str(error.name)):
            raise
        return None


def signatures(modules: dict) -> dict[str, Signature]:
    """The functions, classes and methods of an inventory -> their arguments."""
    found = {}
    for module, facts in modules.items():
        found |= {f"{module}.{name}": one for name, one in facts["functions"].items()}
        for name, inside in facts["classes"].items():
            methods = dict(inside["methods"])
            if inside["init"] is not None:
                methods["__init__"] = inside["init"]
            found |= {f"{module}.{name}.{method}": one for method, one in methods.items()}
    return found


EARLY_SIGNATURES, LATER_SIGNATURES = signatures(MODULES), signatures(LATER["modules"])


def named(wanted: Signature) -> list[str]:
    return [one[0] for one in wanted if not one[0].startswith("*")]


def appended(name: str) -> list[str]:
    """The arguments that 1.2.2 has behind those of 1.0.1."""
    if name not in EARLY_SIGNATURES or name not in LATER_SIGNATURES:
        return []
    early, later = named(EARLY_SIGNATURES[name]), named(LATER_SIGNATURES[name])
    return later[len(early) :] if later[: len(early)] == early else []


def later_difference(name: str, function: Callable, wanted: Signature) -> str | None:
    """Return the differences from 1.2.2: where 1.0.1 has another order, arguments that are
    not taken by their names, or whose default is that of neither release."""
    of_1_2 = signature_of_1_2(function)
    if of_1_2 is not None:
        names = getattr(function, "names_of_1_2", {})
        return difference(name, of_1_2, [[names.get(one[0], one[0]), *one[1:]] for one in wanted])
    early = EARLY_SIGNATURES.get(name.replace("layers.pooling", "layers.convolutional"))
    if early is None and name not in RENAMED:
        return difference(name, function, wanted)
    renamed = RENAMED.get(name, {}) | getattr(function, "names_of_1_2", {})
    parameters = inspect.signature(function).parameters
    any_name = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    defaults = dict(one for one in early or () if len(one) == 2)
    for argument, *default in wanted:
        ours = parameters.get(renamed.get(argument, argument))
        if argument.startswith("*") or argument in OPTIONAL.get(name, ([],))[0]:
            continue
        if ours is None:
            return f"does not take {argument}: {inspect.signature(function)}"
        allowed = [*default, *([defaults[argument]] if argument in defaults else [])]
        if allowed and not any(has_default(ours.default, one) for one in allowed):
            return f"{argument}: expected the default {allowed}, received {ours.default!r}"
    by_position = [one.name for one in parameters.values() if one.kind is one.POSITIONAL_OR_KEYWORD]
    expected = [renamed.get(one, one) for one in named(wanted)]
    if name not in EXTRAS and by_position[: len(expected)] != expected:
        return f"takes by position {by_position}, and 1.2.2 {expected}"
    if ["**kwargs"] in wanted and not any_name:
        keywords = any(one.kind is one.KEYWORD_ONLY for one in parameters.values())
        return None if keywords else "takes no further keywords"
    return None


def has_default(received: object, source: str) -> bool:
    # By their text: 1, 1.0 and True are equal.
    allowed = DEFAULTS.get(source) or [ast.literal_eval(source)]
    return repr(received) in map(repr, allowed)


def signature_of_1_2(function: Callable) -> inspect.Signature | None:
    """Return what `arguments_of_1_2` made of a function, or of a class' constructor."""
    made = function.__init__ if isinstance(function, type) else function
    found = getattr(made, "signature_of_1_2", None)
    if found is None:
        return None
    parameters = [one for name, one in found.parameters.items() if name != "self"]
    return found.replace(parameters=parameters)


def difference(name: str, function: Callable | inspect.Signature, wanted: Signature) -> str | None:
    """Return the difference from Keras' signature, if any. `*args`, which swallowed what was too
    much, is not asked for, and keywords of any name may be keywords of given names."""
    signature = function if isinstance(function, inspect.Signature) else inspect.signature(function)
    parameters = list(signature.parameters.values())
    by_position = [one for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD]
    extras = EXTRAS.get(name, (appended(name),))[0]
    expected = [one for one in wanted if not one[0].startswith("*")]
    received = [one.name for one in by_position]
    if received != ([one[0] for one in expected] + extras)[: max(len(received), len(expected))]:
        return f"expected the arguments {expected}, received {signature}"
    keywords = any(one.kind in (one.VAR_KEYWORD, one.KEYWORD_ONLY) for one in parameters)
    if ["**kwargs"] in wanted and not keywords:
        return "takes no further keywords"
    for one, (argument, *default) in zip(by_position, expected, strict=False):
        if not default:
            if one.default is not one.empty and argument not in OPTIONAL.get(name, ([],))[0]:
                return f"{argument} has the default {one.default!r}, Keras' has none"
            continue
        known = argument in OPTIONAL.get(name, ([],))[0]
        if not known and not has_default(one.default, default[0]):
            return f"{argument}: expected the default {default[0]}, received {one.default!r}"
    return None


Compare = Callable[[str, Callable, Signature], str | None]


def of_class(
    name: str, found: type, facts: dict, module: str, inventory: dict, compare: Compare
) -> Iterator[Finding]:
    for base in facts["bases"]:
        home = ours(inventory["class_home"].get(base, module))
        parent = getattr(home, base, object)
        yield f"{name} is a {base}", None if issubclass(found, parent) else "is none"
    methods = dict(facts["methods"])
    if facts["init"] is not None:
        methods["__init__"] = facts["init"]
    for method, signature in methods.items():
        label = f"{name}.{method}"
        member = getattr(found, method, None)
        if member is None:
            yield label, "missing"
        elif method == "__init__":
            yield label, compare(label, found, signature)
        else:
            bound = member.__get__(object()) if inspect.isfunction(member) else member
            yield label, compare(label, bound, signature)
    annotated = {key for parent in found.__mro__ for key in inspect.get_annotations(parent)}
    for key in facts["properties"]:
        there = hasattr(found, key) or key in annotated
        yield f"{name}.{key}", None if there else "missing"


def of_module(module: str, facts: dict, inventory: dict, compare: Compare) -> Iterator[Finding]:
    home = ours(module)
    for name in facts.get("exports", []):
        yield f"{module}.{name}", None if hasattr(home, name) else "missing"
    for name, signature in facts["functions"].items():
        label, function = f"{module}.{name}", getattr(home, name, None)
        missing = "missing" if function is None else None
        yield label, missing or compare(label, function, signature)
    for name, inside in facts["classes"].items():
        label, found = f"{module}.{name}", getattr(home, name, None)
        yield label, "missing" if found is None else None
        if found is not None:
            yield from of_class(label, found, inside, module, inventory, compare)


def aliases(inventory: dict) -> Iterator[Finding]:
    """One class, whatever the module that it is imported from."""
    for name, home in inventory["class_home"].items():
        found = getattr(ours(home), name, None)
        yield f"{home}.{name}", "missing" if found is None else None
        for module, facts in inventory["modules"].items():
            if name in facts.get("exports", []) and getattr(ours(module), name, found) is not found:
                yield f"{module}.{name} is {home}.{name}", "another"


def calls() -> Iterator[Finding]:
    for module, owner, method, keyword in INVENTORY["legacy_keywords"]:
        yield f"{owner}.{method}({keyword}=)", legacy_call(ours(module), owner, method, keyword)
    for module, call, keywords in INVENTORY["deck_calls"]:
        yield f"{call}({keywords[0]}=, ...)", CALLS_OF_THE_DECK[call](ours(module), keywords)


FOLDERS = ("applications", "backend", "callbacks", "datasets", "engine", "layers", "preprocessing",
           "utils", "wrappers")  # fmt: skip
"""Folders of the package whose modules are compared by the tests of their own folder."""


def folder_of(module: str) -> str:
    """Return 'layers' of 'keras.layers.core'; nothing of a module that is in no folder of those."""
    inside = module.split(".")[1]
    return inside if inside in FOLDERS else ""


def problems_of(folder: str) -> str:
    """Return what is missing of the modules of a folder in any release, or differs, a line each."""
    found: list[Finding] = []
    for inventory, modules, compare in (
        (INVENTORY, MODULES, difference),
        (INVENTORY, LEGACY, difference),
        (LATER, LATER["modules"], later_difference),
    ):
        for module, facts in modules.items():
            if folder_of(module) == folder:
                found += of_module(module, facts, inventory, compare)
    return listed({name: wrong for name, wrong in found if wrong is not None})


def listed(problems: dict[str, str]) -> str:
    return "".join(f"\n  {name}: {wrong}" for name, wrong in sorted(problems.items()))


def test_modules_in_no_folder_have_the_same_arguments():
    assert problems_of("") == ""


@pytest.mark.parametrize("inventory", [INVENTORY, LATER], ids=["1.0.1", "1.2.2"])
def test_a_class_is_one_whatever_module_it_comes_from(inventory):
    wrong = {name: wrong for name, wrong in aliases(inventory) if wrong is not None}
    assert not wrong, listed(wrong)


def test_calls_of_earlier_releases_and_of_the_deck():
    wrong = {name: wrong for name, wrong in calls() if wrong is not None}
    assert not wrong, listed(wrong)


def test_each_folder_compares_its_modules():
    missing = [one for one in FOLDERS if not Path(__file__).with_name(one).joinpath(
        "test_signatures.py").is_file()]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(
    ("function", "wanted", "wrong"),
    [
        (lambda x, axis=-1: x, [["x"], ["axis", "-1"]], None),
        (lambda x, axis=-1, *, own=0: x, [["x"], ["axis", "-1"]], None),
        (lambda x, axis=None: x, [["x"], ["axis", "-1"]], "expected the default -1"),
        (lambda x, axis=1.0: x, [["x"], ["axis", "1"]], "expected the default 1"),
        (lambda x, dim=-1: x, [["x"], ["axis", "-1"]], "expected the arguments"),
        (lambda x, axis=-1, own=0: x, [["x"], ["axis", "-1"]], "expected the arguments"),
        (lambda x, axis=-1: x, [["x"], ["axis"]], "has the default -1, Keras' has none"),
        (lambda x: x, [["x"], ["**kwargs"]], "takes no further keywords"),
        (lambda x, *, name=None: x, [["x"], ["**kwargs"]], None),
        (lambda x=(): x, [["x", "[]"]], None),
    ],
)
def test_a_difference_is_found(function, wanted, wrong):
    found = difference("f", function, wanted)
    assert found is None if wrong is None else wrong in found
