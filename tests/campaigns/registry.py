"""All campaigns, and what each commit runs of them."""

from __future__ import annotations

from tests.campaigns import files, kills, models
from tests.campaigns.campaign import Campaign, Selection
from tests.campaigns.graphs import campaign as graphs

CAMPAIGNS: dict[str, Campaign] = {
    campaign.name: campaign
    for campaign in (
        files.CAMPAIGN,
        graphs.CAMPAIGN,
        kills.CAMPAIGN,
        models.CAMPAIGN,
    )
}

# Under five minutes on two cores in all.
EACH_COMMIT: tuple[Selection, ...] = (
    Selection("graphs", 200),
    Selection("graphs", 20, ("--threads", "1,2,3")),
    Selection("kills", 20),
    Selection("models", 20, ("--native", "0")),
)
