"""A safe reader of YAML: texts, numbers, lists, tuples and mappings; tags make no other objects."""

from __future__ import annotations

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from graphc.errors import ArgumentError
from graphc.files.limits import check_count, check_level

_TAG = "tag:yaml.org,2002:"
_MOST_DIGITS = 400  # what reads 1:59:59 takes quadratic time


def load_yaml(text: str, where: str) -> object:
    """Return the data of a YAML text; `where` begins the message of an ArgumentError.

    Raises:
        ArgumentError: a tag that names a class, a key that is there twice, an alias inside of
            what it stands for, a text too deep or too large.
        yaml.YAMLError, ValueError, ...: what is no YAML.
    """
    loader = _Loader(text, where)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """A safe loader that also knows tuples, which is how Keras writes shapes, and has limits."""

    def __init__(self, text: str, where: str):
        super().__init__(text)
        self.where = where
        self._level = 0
        self._count = 0

    def get_single_node(self) -> Node | None:
        node = super().get_single_node()
        if node is not None:
            self._check(node)
        return node

    def compose_node(self, parent: Node | None, index: object) -> Node:
        self._count += 1
        self._level += 1
        check_count(self._count, self.where)
        check_level(self._level, self.where)
        node = super().compose_node(parent, index)
        self._level -= 1
        return node

    def _check(self, root: Node) -> None:
        """Raise ArgumentError for a text that expands beyond the limits; an alias counts as what it
        refers to."""
        sizes: dict[Node, int] = {}
        around: set[Node] = set()
        waiting = [(root, False)]
        while waiting:
            node, done = waiting.pop()
            if done:
                around.discard(node)
                sizes[node] = 1 + sum(sizes[one] for one in _members(node))
                check_count(sizes[node], self.where)
            elif node in around:
                raise ArgumentError(
                    f"{self._position(node)}: an alias inside of what it stands for"
                )
            elif node not in sizes:
                self._check_node(node)
                around.add(node)
                waiting.append((node, True))
                waiting += [(one, False) for one in _members(node)]

    def _check_node(self, node: Node) -> None:
        if isinstance(node, ScalarNode):
            digits = node.tag in (f"{_TAG}int", f"{_TAG}float")
            if digits and len(node.value) > _MOST_DIGITS:
                raise ArgumentError(
                    f"{self._position(node)}: a number of {len(node.value)} characters"
                )
        elif isinstance(node, MappingNode):
            seen = set()
            for key, _ in node.value:
                if isinstance(key, ScalarNode) and (key.tag, key.value) in seen:
                    raise ArgumentError(
                        f"{self._position(key)}: the key {key.value!r:.60} is there twice"
                    )
                seen.add((key.tag, key.value) if isinstance(key, ScalarNode) else key)

    def _position(self, node: Node) -> str:
        return f"{self.where}: line {node.start_mark.line + 1}"

    def refuse(self, suffix: str, node: Node) -> None:
        tag = node.tag.removeprefix(_TAG)
        raise ArgumentError(
            f"{self._position(node)}: asks for code, by the tag {tag!r:.80}; "
            "expected texts, numbers, lists and mappings. Classes and functions of your own are "
            "named in the file, and passed by custom_objects"
        )


def _members(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [one for pair in node.value for one in pair]
    return node.value if isinstance(node, SequenceNode) else []


_Loader.add_constructor(
    f"{_TAG}python/tuple", lambda loader, node: tuple(loader.construct_sequence(node))
)
_Loader.add_multi_constructor("!", _Loader.refuse)
_Loader.add_multi_constructor(f"{_TAG}python/", _Loader.refuse)
