"""Traces for OpenTelemetry, where it is installed (`pip install creditbank[otel]`) and asked for."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

OTLP = "otlp"
"""Traces are sent by OTLP over HTTP; where to is said by OTEL_EXPORTER_OTLP_ENDPOINT, as everywhere."""


_PACKAGES = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")


class TracingUnusable(Exception):  # noqa: N818 - reads as what it is
    """Traces are asked for and can't be made; the sentence says how to mend it."""


class Span(Protocol):
    """One thing that was done, from its begin to its end."""

    def set_attribute(self, key: str, value: str | int) -> None:
        """Say something about it."""

    def update_name(self, name: str) -> None:
        """Name it anew."""

    def end(self) -> None:
        """Say that it is over."""


class Tracer(Protocol):
    """Begins spans, as part of a caller's trace where its headers name one."""

    def begun(self, headers: Mapping[str, str]) -> Span:
        """Return a span that begins now."""


class OpenTelemetry:
    """The tracer of OpenTelemetry's own packages."""

    def __init__(self, version: str) -> None:
        """Load the packages and start the thread that sends. Raises TracingUnusable."""
        try:
            trace: Any = import_module("opentelemetry.sdk.trace")
            export: Any = import_module("opentelemetry.sdk.trace.export")
            resources: Any = import_module("opentelemetry.sdk.resources")
            otlp: Any = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
            self._propagate: Any = import_module("opentelemetry.propagate")
            kinds: Any = import_module("opentelemetry.trace")
        except ImportError as missing:
            message = (
                f"CREDITBANK_OTEL is set, and {missing.name} is not installed: run pip install 'creditbank[otel]', or"
                " set CREDITBANK_OTEL to none"
            )
            raise TracingUnusable(message) from None
        named = resources.Resource.create({"service.name": "creditbank", "service.version": version})
        provider = trace.TracerProvider(resource=named)
        provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
        self._kind = kinds.SpanKind.SERVER
        self._tracer = provider.get_tracer("creditbank", version)

    def begun(self, headers: Mapping[str, str]) -> Span:
        """Return a span that begins now."""
        context = self._propagate.extract({name.lower(): value for name, value in headers.items()})
        span: Span = self._tracer.start_span("request", context=context, kind=self._kind)
        return span


def has_packages() -> bool:
    """Tell whether OpenTelemetry is installed."""
    try:
        return all(find_spec(name) is not None for name in _PACKAGES)
    except ImportError:
        return False


def open_tracer(setting: str, none: str, version: str) -> Tracer | None:
    """Return the tracer that a setting asks for; None where it asks for none. Raises TracingUnusable."""
    return None if setting == none else OpenTelemetry(version)
