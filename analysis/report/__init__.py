"""One page of a run, a sweep or a study: a single HTML file that needs nothing beside it.

    python -m analysis.report FOLDER [-o report.html]

It says what was asked, what came out, what was learned and how to repeat it, with all figures in
it. It runs no script and asks no network for anything; what stands in the folder, which may be a
stranger's, is written as text or shown as a picture, and nothing else.
"""

from analysis.report.writing import leave_report, page_of, write_report

__all__ = ["leave_report", "page_of", "write_report"]
