"""What every list takes: how many rows, and where to go on."""

from creditbank.api import fields
from creditbank.api.resource import PAGE_ROWS, PAGE_ROWS_MAX


class PageQuery(fields.StrictSchema):
    """A page of a list."""

    limit = fields.Whole(1, PAGE_ROWS_MAX, load_default=PAGE_ROWS)
    cursor = fields.Text(500, load_default=None, metadata={"description": "`next_cursor` of the page before"})
