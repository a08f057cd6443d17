"""How papers look: the template of a record or certificate, typeset by creditbank.gateways.typesetting."""
