"""Pages that people open in a browser, as templates for creditbank.formats.check_page."""
