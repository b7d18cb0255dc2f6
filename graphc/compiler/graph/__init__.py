"""The graph: nodes, symbolic sizes, the op table, and the surface that users write expressions in.

``from graphc.compiler import graph as g`` gives all of it: ``g.input``, ``g.exp``, ``g.scan``, ...
"""

# ruff: noqa: F401  (this module is the list of what it imports)

from graphc.compiler.graph import operators, random
from graphc.compiler.graph.contraction import batch_dot, dot, matmul, tensordot
from graphc.compiler.graph.dim import BATCH, Dim, Shape, Size, Symbol, symbol
from graphc.compiler.graph.inputs import input, learning_phase
from graphc.compiler.graph.movement import (
    concat,
    expand_dims,
    flip,
    full,
    pad,
    repeat,
    reshape,
    scatter_add,
    squeeze,
    stack,
    swap_axes,
    take,
    tile,
    transpose,
    zeros,
)
from graphc.compiler.graph.node import DTYPES, Node, set_history
from graphc.compiler.graph.operands import (
    as_node,
    broadcast_to,
    cast,
    constant,
    is_float,
    promote,
    refuse_foreign_array,
)
from graphc.compiler.graph.ops import OPS, Body, make, remake, size_claims
from graphc.compiler.graph.origin import (
    Origin,
    current_origin,
    inherit,
    label,
    name_of,
    note_of,
    origin,
    origin_of,
    set_name,
    set_note,
)
from graphc.compiler.graph.pointwise import (
    abs,
    add,
    alias,
    ceil,
    clip,
    cos,
    div,
    equal,
    erf,
    exp,
    expm1,
    floor,
    floordiv,
    greater,
    greater_equal,
    isfinite,
    isnan,
    less,
    less_equal,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    maximum,
    minimum,
    mod,
    mul,
    neg,
    not_equal,
    own_batch,
    pow,
    print_tensor,
    round,
    rsqrt,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    stop_gradient,
    sub,
    tanh,
    where,
)
from graphc.compiler.graph.printer import format_graph
from graphc.compiler.graph.reduce import (
    all,
    any,
    argmax,
    argmin,
    iota,
    logsumexp,
    max,
    mean,
    min,
    one_hot,
    own_mean,
    own_var,
    prod,
    rows_mean,
    softmax,
    std,
    sum,
    var,
)
from graphc.compiler.graph.scan import body_args, item, items, make_scan, scan
from graphc.compiler.graph.sizes import as_shape
from graphc.compiler.graph.state import (
    CallStep,
    State,
    get_value,
    held,
    latest_move,
    place_together,
    set_value,
    set_values,
    shared,
    state_of,
)
from graphc.compiler.graph.walk import (
    count_nodes,
    dependents,
    every_node,
    readers,
    substitute,
    sweep,
    toposort,
)
from graphc.compiler.graph.windows import average_pool, conv, max_pool
