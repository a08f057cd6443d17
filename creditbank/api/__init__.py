"""The one door that knows HTTP: a file a resource, with its schemas on top and its routes below."""
