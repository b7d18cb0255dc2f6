"""The graph: nodes, symbolic sizes, the op table, and the surface that users write expressions in.

``from graphc.compiler import graph as g`` gives all of it: ``g.input``, ``g.exp``, ``g.scan``, ...
"""

# ruff: noqa: I001  (`name as name`, which gives a name on, would be a statement each)

from graphc.compiler.graph import operators as operators
from graphc.compiler.graph.expressions import random as random
from graphc.compiler.graph.expressions.contraction import (
    batch_dot as batch_dot,
    dot as dot,
    matmul as matmul,
    tensordot as tensordot,
)
from graphc.compiler.graph.dim import (
    BATCH as BATCH,
    Dim as Dim,
    Shape as Shape,
    Size as Size,
    Symbol as Symbol,
    known_sizes as known_sizes,
    symbol as symbol,
)
from graphc.compiler.graph.expressions.inputs import (
    input as input,
    learning_phase as learning_phase,
)
from graphc.compiler.graph.expressions.movement import (
    concat as concat,
    expand_dims as expand_dims,
    flip as flip,
    full as full,
    pad as pad,
    repeat as repeat,
    reshape as reshape,
    scatter_add as scatter_add,
    squeeze as squeeze,
    stack as stack,
    swap_axes as swap_axes,
    take as take,
    tile as tile,
    transpose as transpose,
    zeros as zeros,
)
from graphc.compiler.graph.node import DTYPES as DTYPES, Node as Node, set_history as set_history
from graphc.compiler.graph.expressions.operands import (
    as_node as as_node,
    broadcast_to as broadcast_to,
    cast as cast,
    constant as constant,
    is_float as is_float,
    promote as promote,
    refuse_foreign_array as refuse_foreign_array,
)
from graphc.compiler.graph.ops import (
    OPS as OPS,
    Body as Body,
    Groups as Groups,
    Moves as Moves,
    Traits as Traits,
    Work as Work,
    make as make,
    ops_with as ops_with,
    remake as remake,
    size_claims as size_claims,
)
from graphc.compiler.graph.origin import (
    Origin as Origin,
    current_origin as current_origin,
    inherit as inherit,
    label as label,
    name_of as name_of,
    note_of as note_of,
    origin as origin,
    origin_of as origin_of,
    set_name as set_name,
    set_note as set_note,
)
from graphc.compiler.graph.expressions.pointwise import (
    abs as abs,
    add as add,
    alias as alias,
    ceil as ceil,
    clip as clip,
    cos as cos,
    div as div,
    equal as equal,
    erf as erf,
    exp as exp,
    expm1 as expm1,
    floor as floor,
    floordiv as floordiv,
    greater as greater,
    greater_equal as greater_equal,
    isfinite as isfinite,
    isnan as isnan,
    less as less,
    less_equal as less_equal,
    log as log,
    log1p as log1p,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    logical_xor as logical_xor,
    maximum as maximum,
    minimum as minimum,
    mod as mod,
    mul as mul,
    neg as neg,
    not_equal as not_equal,
    own_batch as own_batch,
    pow as pow,
    print_tensor as print_tensor,
    round as round,
    rsqrt as rsqrt,
    sigmoid as sigmoid,
    sign as sign,
    sin as sin,
    softplus as softplus,
    sqrt as sqrt,
    square as square,
    stop_gradient as stop_gradient,
    sub as sub,
    tanh as tanh,
    where as where,
)
from graphc.compiler.graph.printer import format_graph as format_graph
from graphc.compiler.graph.expressions.reduce import (
    all as all,
    any as any,
    argmax as argmax,
    argmin as argmin,
    iota as iota,
    logsumexp as logsumexp,
    max as max,
    mean as mean,
    min as min,
    one_hot as one_hot,
    own_mean as own_mean,
    own_var as own_var,
    prod as prod,
    rows_mean as rows_mean,
    softmax as softmax,
    std as std,
    sum as sum,
    var as var,
)
from graphc.compiler.graph.expressions.scan import (
    body_args as body_args,
    item as item,
    items as items,
    make_scan as make_scan,
    scan as scan,
)
from graphc.compiler.graph.expressions.sizes import as_shape as as_shape
from graphc.compiler.graph.state import (
    CallStep as CallStep,
    State as State,
    assign_together as assign_together,
    get_value as get_value,
    latest_move as latest_move,
    set_value as set_value,
    set_values as set_values,
    shared as shared,
    shared_without_copy as shared_without_copy,
    state_of as state_of,
)
from graphc.compiler.graph.walk import (
    count_nodes as count_nodes,
    dependents as dependents,
    every_node as every_node,
    readers as readers,
    substitute as substitute,
    sweep as sweep,
    toposort as toposort,
    transposes_behind as transposes_behind,
)
from graphc.compiler.graph.expressions.windows import (
    average_pool as average_pool,
    conv as conv,
    max_pool as max_pool,
)
