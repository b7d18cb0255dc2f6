"""All campaigns, and what each commit runs of them."""

from __future__ import annotations

from tests.campaigns import files, models
from tests.campaigns.campaign import Campaign, Selection

CAMPAIGNS: dict[str, Campaign] = {
    campaign.name: campaign for campaign in (files.CAMPAIGN, models.CAMPAIGN)
}

# Under five minutes on two cores in all.
EACH_COMMIT: tuple[Selection, ...] = (Selection("models", 10, ("--native", "0")),)
