"""The thin routes: what any service on this stack does at least. They stand beside the bank on the same server."""

import json
from collections.abc import Iterable
from typing import Any

import jwt
from flask import Flask, Response, request
from sqlalchemy import create_engine, text
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from creditbank.api.outcomes import OutcomeIn
from creditbank.app import create_app
from creditbank.config import settings_from_environment

READ = "SELECT scheme, available_hundredths FROM account WHERE learner_id = :learner"

POST = """
    WITH written AS (INSERT INTO bench_entry (account, amount, reference) VALUES (:learner, 300, :reference))
    UPDATE bench_balance SET total = total + 300 WHERE account = :learner RETURNING total
"""

TABLES = """
    CREATE TABLE bench_entry (id bigserial PRIMARY KEY, account uuid NOT NULL, amount bigint NOT NULL, reference text);
    CREATE TABLE bench_balance (account uuid PRIMARY KEY, total bigint NOT NULL CHECK (total >= 0));
    CREATE TABLE bench_pick (number integer PRIMARY KEY, account uuid NOT NULL);
"""


def both() -> Any:  # noqa: ANN401 - a WSGI application
    """Return the bank with the thin routes below /thin, as one WSGI application."""
    bank = create_app()
    return DispatcherMiddleware(bank, {"/thin": _thin(bank.extensions["creditbank"].keyring.public_keys.items())})


def _thin(public_keys: Iterable[tuple[str, Any]]) -> Flask:
    """Return the app with hello world and the thin routes: token, one statement, JSON; for posts the schema's load."""
    settings = settings_from_environment()
    engine = create_engine(settings.database_url, pool_size=settings.pool_size, max_overflow=0)
    reading = engine.execution_options(isolation_level="AUTOCOMMIT")
    keys = {kid: public.key for kid, public in public_keys}
    schema, read_statement, post_statement = OutcomeIn(), text(READ), text(POST)
    app = Flask("thin")

    def check_token() -> None:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        key = keys[jwt.get_unverified_header(token)["kid"]]
        jwt.decode(token, key, algorithms=["ES256"], audience=settings.base_url, issuer=settings.base_url)

    @app.get("/hello")
    def hello() -> Response:
        return Response("hello, world", content_type="text/plain")

    @app.get("/read/<learner>")
    def read(learner: str) -> Response:
        check_token()
        with reading.connect() as connection:
            rows = [tuple(row) for row in connection.execute(read_statement, {"learner": learner})]
        return Response(json.dumps(rows), content_type="application/json")

    @app.post("/post")
    def post() -> Response:
        check_token()
        record = schema.load(json.loads(request.get_data()))
        values = {"learner": record.learner.id, "reference": record.external_id}
        with engine.begin() as connection:
            total = connection.execute(post_statement, values).scalar_one()
        return Response(json.dumps({"total": total}), status=201, content_type="application/json")

    return app
