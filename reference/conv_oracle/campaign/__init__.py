"""Campaigns: many audits, on this machine or on a cluster, resumable, with every verdict kept by its content."""

from conv_oracle.campaign.content import key_of
from conv_oracle.campaign.course import Executor, Step, executor, run, taken
from conv_oracle.campaign.jobs import Job, read_jobs
from conv_oracle.campaign.local import Work
from conv_oracle.campaign.report import Found, found_in, page, summary
from conv_oracle.campaign.store import Planned, Store, reading, writing

__all__ = [
    "Executor",
    "Found",
    "Job",
    "Planned",
    "Step",
    "Store",
    "Work",
    "executor",
    "found_in",
    "key_of",
    "page",
    "read_jobs",
    "reading",
    "run",
    "summary",
    "taken",
    "writing",
]
