"""All campaigns, and what each commit runs of them."""

from __future__ import annotations

from tests.campaigns import (
    failures,
    files,
    interrupts,
    kills,
    leaks,
    lowering,
    models,
    mutants,
    networks,
    processes,
    ranks,
)
from tests.campaigns.campaign import Campaign, Selection
from tests.campaigns.graphs import campaign as graphs

CAMPAIGNS: dict[str, Campaign] = {
    module.CAMPAIGN.name: module.CAMPAIGN
    for module in (
        *(failures, files, graphs, interrupts, kills, leaks, lowering, models, mutants),
        *(networks, processes, ranks),
    )
}

# Under five minutes on two cores in all.
EACH_COMMIT: tuple[Selection, ...] = (
    Selection("failures", 20),
    Selection("files", 500),
    Selection("graphs", 200),
    Selection("graphs", 20, ("--threads", "1,2,3")),
    Selection("interrupts", 20, ("--native", "0")),
    Selection("kills", 20),
    Selection("leaks", 1, ("--models", "200")),
    Selection("lowering", 10),
    Selection("models", 20, ("--native", "0")),
    Selection("networks", 5, ("--native", "0")),
    Selection("processes", 1, ("--processes", "4")),
)
