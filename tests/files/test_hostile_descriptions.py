"""Descriptions that ask for code, for any amount of memory or time, or for what is not there."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from graphc.config import config
from graphc.engine.configs import budget
from graphc.errors import ArgumentError, DTypeError, GraphcError, OutOfMemoryError, UnknownNameError
from graphc.files.limits import MOST_BYTES, MOST_LEVELS, MOST_VALUES
from graphc.files.text import parsed
from graphc.layers import Dense, Input
from graphc.models import model_from_config, model_from_json, model_from_yaml
from graphc.utils.layer_utils import layer_from_config


def dense(**changes: Any) -> dict[str, Any]:
    config = {"output_dim": 2, "batch_input_shape": [None, 4], "name": "d", **changes}
    return {"class_name": "Dense", "config": config}


def sequential(*entries: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"class_name": "Sequential", "config": list(entries), **keys}


def check_refused(description: object, message: str, error: type[GraphcError] = ArgumentError):
    for load, text in (
        (model_from_json, json.dumps(description)),
        (model_from_yaml, yaml.safe_dump(description)),
    ):
        with pytest.raises(error, match=message):
            load(text)


class TestMemory:
    @pytest.mark.parametrize("size", [10**9, 10**12, 2**63 - 1])
    def test_a_layer_too_large_to_be_made(self, size):
        check_refused(
            sequential(dense(output_dim=size)),
            rf"model: layer 1: d: W: shape \(4, {size}\): {16 * size} bytes.*expected at most 1GB, "
            "which the flag described_weights sets",
        )

    def test_layers_that_are_too_large_together(self):
        config.described_weights = "256MB"
        entries = [dense(name=f"d{k}", output_dim=5000, init="zero") for k in range(9)]
        for entry in entries[1:]:
            del entry["config"]["batch_input_shape"]
        check_refused(
            sequential(*entries), "layer 4: d3: W: .*would take 300140000; expected at most 256MB"
        )

    def test_states(self):
        entry = {"class_name": "GRU", "config": {"output_dim": 2, "stateful": True}}
        entry["config"]["batch_input_shape"] = [10**10, 3, 4]
        check_refused(sequential(entry), r"layer 1: gru_\d+ \(GRU\): states: .*at most 1GB")

    def test_outside_of_descriptions_memory_is_the_limit(self):
        for size in (2**50, 2**70):
            with pytest.raises(OutOfMemoryError, match=rf"d: W: no memory .*\(4, {size}\)"):
                Dense(size, name="d")(Input((4,)))


def test_a_name_that_is_none_of_a_layer_that_is_used_again():
    again = {"class_name": "Dense", "config": {"name": [1]}, "reused": True}
    check_refused(
        sequential(dense(), again), r"layer 2: expected a Dense named \[1\] before this place"
    )


class TestTime:
    def test_models_inside_of_models_that_double(self, monkeypatch):
        monkeypatch.setattr(budget, "_MOST_USES", 500)  # not to wait for those that are allowed
        model = sequential(dense(output_dim=4), name="m0")
        for k in range(1, 30):
            again = {"class_name": "Sequential", "name": f"m{k - 1}", "config": [], "reused": True}
            model = sequential(model, again, name=f"m{k}")
        check_refused(model, "d: the description uses layers more than 500 times")

    def test_an_unrolled_loop(self):
        entry = {"class_name": "SimpleRNN", "config": {"output_dim": 2, "unroll": True}}
        entry["config"]["batch_input_shape"] = [None, 10**6, 3]
        check_refused(sequential(entry), r"\(SimpleRNN\): the description uses layers more than")


class TestSizes:
    @pytest.mark.parametrize("size", [-1, 0, 1.5, float("nan"), float("inf"), "2", None, [2], True])
    def test_that_are_none(self, size):
        check_refused(
            sequential(dense(output_dim=size)),
            "layer 1: d: output_dim: expected a whole number of at least 1, received",
        )

    @pytest.mark.parametrize("size", [2**63, -(2**63) - 1, 10**30])
    def test_beyond_64_bits(self, size):
        check_refused(
            sequential(dense(output_dim=size)),
            r"\['config'\]\[0\]\['config'\]\['output_dim'\]: expected numbers of at most 64 bits",
        )

    @pytest.mark.parametrize("shape", [[None, -4], [None, 0], [None, float("nan")], [None, "4"]])
    def test_in_shapes(self, shape):
        check_refused(
            sequential(dense(batch_input_shape=shape)), "layer 1.*expected a whole number"
        )

    @pytest.mark.parametrize(
        "dtype", [[1, 2], ["a"], {"a": 1}, {}, "float8", "object", 32, "", "4c", "(2,)f4", "f4,f4"]
    )
    def test_dtypes_that_are_none(self, dtype):
        check_refused(
            sequential(dense(input_dtype=dtype)),
            "layer 1: d: the dtype of the input: expected one of .*received",
            DTypeError,
        )


def layer(name: str, *calls: list, **changes: Any) -> dict[str, Any]:
    return {**dense(name=name, **changes), "name": name, "inbound_nodes": list(calls)}


def wired(*layers: dict[str, Any], output: str = "b") -> dict[str, Any]:
    entry = {"class_name": "InputLayer", "name": "in", "inbound_nodes": []}
    entry["config"] = {"batch_input_shape": [None, 4], "name": "in"}
    model = {"name": "m", "layers": [entry, *layers], "input_layers": [["in", 0, 0]]}
    return {"class_name": "Model", "config": {**model, "output_layers": [[output, 0, 0]]}}


@pytest.mark.parametrize("read", [model_from_config, layer_from_config])
def test_configs_made_in_python_that_are_too_deep(read):
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ArgumentError, match=r"layer 1 \(Dense\): too deep"):
        read(sequential(dense(output_dim=deep)))
    inside: dict = sequential()
    inside["config"].append(inside)
    with pytest.raises(ArgumentError, match="expected at most 40 layers inside of each other"):
        read(inside)


class TestWiring:
    @pytest.mark.parametrize(
        ("model", "message"),
        [
            (wired(layer("b", [["b", 0, 0]])), "calls of b wait for each other's outputs"),
            (
                wired(layer("a", [["b", 0, 0]]), layer("b", [["a", 0, 0]])),
                "calls of a, b wait for each other's outputs",
            ),
            (wired(layer("b", [["nobody", 0, 0]])), "no layer is named 'nobody'"),
            (wired(layer("b", [["in", 1, 0]])), "call 1 .* of in is not in its inbound_nodes"),
            (wired(layer("b", [["in", 0, 7]])), "in has 1 outputs, received the number 7"),
            (wired(layer("b", [["in", 0, -1]])), "expected .name of a layer"),
            (wired(layer("b", [["in", 0, 0]]), output="c"), "no layer is named 'c'"),
            (wired(layer("b", [["in", 0, 0]]), layer("b", [["in", 0, 0]])), "two layers have this"),
        ],
    )  # fmt: skip
    def test_that_leads_nowhere(self, model, message):
        check_refused(model, message)


class TestCode:
    @pytest.mark.parametrize(
        ("kind", "function"),
        [
            ("lambda", "4wEAAAAAAAAA\n"),
            ("lambda", ["c\x01\x00\x00\x00\x01\x00\x00\x00", None, None]),
            ("function", "double"),
        ],
    )
    def test_functions_of_keras(self, kind, function):
        """Keras 1 stored a lambda as its code, by marshal."""
        config = {
            "function": function,
            "function_type": kind,
            "output_shape": None,
            "output_shape_type": "raw",
            "arguments": {},
            "batch_input_shape": [None, 2],
            "name": "l",
        }
        entry = {"class_name": "Lambda", "config": config}
        key = "l.function" if kind == "lambda" else "double"
        check_refused(
            sequential(entry),
            f"layer 1: l.function is .*a file has a function's name, not its code. Pass the "
            f"function by custom_objects={{'{key}': function}}",
            UnknownNameError,
        )

    def test_classes_that_are_not_registered(self):
        for name in ("Mine", "os.system", "__import__", "builtins.eval", "object"):
            check_refused(
                sequential({"class_name": name, "config": {}}),
                f"unknown layer '{name}'.*custom_objects={{'{name}': {name}}}",
                UnknownNameError,
            )

    @pytest.mark.parametrize("name", ["os.system", "eval", "__import__", "__class__"])
    def test_functions_by_names_of_no_table(self, name):
        check_refused(sequential(dense(activation=name)), "unknown activation", UnknownNameError)
        check_refused(sequential(dense(init=name)), "unknown init", UnknownNameError)

    @pytest.mark.parametrize(
        "tag", ["python/object/apply:os.system", "python/name:os.system", "python/module:os",
                "python/object:graphc.layers.Dense", "python/none", "python/dict"]
    )  # fmt: skip
    def test_tags_of_yaml(self, tag):
        with pytest.raises(ArgumentError, match=f"m: line 2: asks for code, by the tag '{tag}'"):
            parsed(f"a: 1\nb: !!{tag} ['true']", "YAML", "m")


class TestLimitsOfTexts:
    @pytest.mark.parametrize(("kind", "begin", "end"), [("JSON", "[", "]"), ("YAML", "[", "]")])
    def test_depth(self, kind, begin, end):
        parsed(begin * MOST_LEVELS + end * MOST_LEVELS, kind, "m")
        for levels in (MOST_LEVELS + 1, 100_000):
            with pytest.raises(ArgumentError, match="^m: (too deep|not JSON)"):
                parsed(begin * levels + end * levels, kind, "m")

    def test_values(self):
        with pytest.raises(ArgumentError, match=f"m: too large, more than {MOST_VALUES} values"):
            parsed("[" + "0," * MOST_VALUES + "0]", "JSON", "m")

    def test_characters(self):
        with pytest.raises(ArgumentError, match=f"m: expected at most {MOST_BYTES} characters"):
            parsed('"' + "a" * MOST_BYTES + '"', "JSON", "m")

    def test_aliases_that_multiply(self):
        lines = ["- &a0 [x, x, x, x, x, x, x, x, x, x]"]
        lines += [f"- &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 20)]
        with pytest.raises(ArgumentError, match="m: too large"):
            parsed("\n".join(lines), "YAML", "m")

    def test_aliases_as_pyyaml_writes_them(self):
        shape = [None, 3]
        assert "*id001" in yaml.safe_dump([shape, shape])
        assert parsed(yaml.safe_dump([shape, shape]), "YAML", "m") == [shape, shape]

    @pytest.mark.parametrize("text", ["&a [*a]", "a: &a {b: {c: *a}}", "&a {<<: *a}"])
    def test_aliases_inside_of_themselves(self, text):
        with pytest.raises(ArgumentError, match="m: line 1: an alias inside of what it stands for"):
            parsed(text, "YAML", "m")

    def test_digits(self):
        for text in ("1" * 5000, "1:" * 5000 + "1"):
            with pytest.raises(ArgumentError, match="m: line 1: a number of .* characters"):
                parsed(text, "YAML", "m")
        with pytest.raises(ArgumentError, match="m: not JSON"):
            parsed("1" * 5000, "JSON", "m")

    @pytest.mark.parametrize(
        ("text", "kind"), [('{"a": 1, "a": 2}', "JSON"), ("a: 1\na: 2", "YAML")]
    )
    def test_keys_that_are_there_twice(self, text, kind):
        with pytest.raises(ArgumentError, match="m.*: the key 'a' is there twice"):
            parsed(text, kind, "m")

    @pytest.mark.parametrize("text", ["2001-01-01", "!!binary aGk=", "!!set {a}", "{1: 2}"])
    def test_values_that_json_has_not(self, text):
        with pytest.raises(ArgumentError, match="m: expected|m.*: expected a text, a number"):
            parsed(text, "YAML", "m")

    @pytest.mark.parametrize("text", ["!!bool x", "!!int x", "!!float x", "!!timestamp x"])
    def test_values_that_do_not_fit_their_tag(self, text):
        with pytest.raises(ArgumentError, match="^m: not YAML"):
            parsed(text, "YAML", "m")
