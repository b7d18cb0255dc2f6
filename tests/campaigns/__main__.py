"""The command line of the campaigns: python -m tests.campaigns --help."""

import sys

from tests.campaigns.command import main
from tests.campaigns.registry import CAMPAIGNS, EACH_COMMIT

sys.exit(main(sys.argv[1:], CAMPAIGNS, EACH_COMMIT))
