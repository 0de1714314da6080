"""The API as an ASGI app: routes, one error shape, answers kept per block."""

from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from indexer.api import errors
from indexer.api.cache import BlockCache
from indexer.api.routes import accounts, events, network, stake, tasks
from indexer.api.snapshot import Reading

DESCRIPTION = """
What happened on a Skein network. Every answer is true at one block, and names it: `block`, `block_hash`.

Amounts are token wei as decimal strings, times are seconds, scores are value * 1e9. Lists come in pages: pass `next` as
`cursor` for the page after. An answer's ETag changes with the block.
"""


def create_app(engine: Engine) -> ASGIApp:
    """The app over a database that was opened read-only."""
    reading = Reading(engine)
    app = FastAPI(title="Skein indexer", version="1", description=DESCRIPTION, responses=errors.ERRORS)
    app.state.reading = reading
    errors.install(app)
    for module in (network, tasks, stake, events, accounts):
        app.include_router(module.router)
    return CORSMiddleware(BlockCache(app, reading), allow_origins=["*"], allow_methods=["GET"], expose_headers=["etag"])
