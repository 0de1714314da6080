"""GraphQL: see `indexer.api.graph`."""

from functools import lru_cache
from typing import Annotated, Any, ClassVar

import anyio
import orjson
from anyio import CapacityLimiter
from fastapi import Query, Request, Response
from fastapi.routing import APIRoute
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    MaxIntrospectionDepthRule,
    OperationDefinitionNode,
    execute_sync,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values
from pydantic import BaseModel, ConfigDict, Field

from indexer.api.errors import ApiError, invalid
from indexer.api.graph import Builder, FixedRead, Question, refused
from indexer.api.graph_limits import MAX_TOKENS, Bill
from indexer.api.routing import Asked, Read, area
from indexer.api.snapshot import etag
from indexer.types import Digest

router = area("graphql")

MAX_BODY = 16_384
# A client that is refused before it has said all may not hear it, so some more is heard than is taken.
_READ = 64 * MAX_BODY
_AT_ONCE = CapacityLimiter(2)
_RULES = [*specified_rules, *(rule for rule in [MaxIntrospectionDepthRule] if rule not in specified_rules)]
_EXAMPLE = "{ tasks(limit: 2) { data { id phase leaderboard(limit: 3) { data { trainer score } } } } }"
QueryText = Annotated[str, Query(max_length=MAX_BODY, examples=[_EXAMPLE])]
Schema = tuple[GraphQLSchema, dict[tuple[str, str], Question]]


class GraphRequest(BaseModel):
    """What is asked for."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="ignore", populate_by_name=True)

    query: str = Field(max_length=MAX_BODY, examples=[_EXAMPLE])
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(default=None, alias="operationName")


class GraphBlock(BaseModel):
    """The block that all of an answer holds for."""

    block: int
    block_hash: Digest


class GraphAnswer(BaseModel):
    """What was found; what is not there is null."""

    data: dict[str, Any]
    extensions: GraphBlock


@lru_cache(maxsize=1)
def schema() -> Schema:
    """The schema over all routes, made when it is first asked for."""
    from indexer.api.app import areas

    routes = [route for router in areas() for route in router.routes if isinstance(route, APIRoute)]
    builder = Builder(routes)
    made = builder.schema()
    _ = made.type_map  # names every field
    return made, builder.questions


@lru_cache(maxsize=256)
def _document(query: str) -> DocumentNode:
    try:
        document = parse(query, no_location=True, max_tokens=MAX_TOKENS)
        problems = validate(schema()[0], document, _RULES, max_errors=1)
    except GraphQLError as error:
        raise refused(error) from error
    if problems:
        raise refused(problems[0])
    return document


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(document, name)
    if operation is None:
        raise ApiError(422, "invalid_query", "Name one of the query's operations as operationName.")
    return operation


def _answer(read: Asked, asked: GraphRequest) -> Response:
    made, questions = schema()
    document = _document(asked.query)
    operation = _operation(document, asked.operation_name)
    try:
        values = get_variable_values(made, operation.variable_definitions or (), asked.variables or {})
    except GraphQLError as error:
        raise refused(error) from error
    if isinstance(values, list):
        raise refused(values[0])
    Bill(made, questions, document, values).add(operation)
    with read.snapshot() as at:
        found = execute_sync(
            made, document, context_value=FixedRead(at), variable_values=asked.variables or {},
            operation_name=asked.operation_name,
        )  # fmt: skip
        if found.errors:
            raise refused(found.errors[0])
        here = {"block": at.checkpoint.number, "block_hash": at.checkpoint.hash}
        body = orjson.dumps({"data": found.data, "extensions": here})
        return Response(body, headers={"etag": etag(at.checkpoint)}, media_type="application/json")


@router.get("/graphql", response_model=GraphAnswer)
def graphql(
    read: Read,
    query: QueryText,
    variables: Annotated[str | None, Query(max_length=MAX_BODY, description="JSON", examples=["{}"])] = None,
    operation: Annotated[str | None, Query(alias="operationName", max_length=100)] = None,
) -> Response:
    """Several questions of this API in one, all answered at one block, in GraphQL. The schema can be asked for.

    A request may have 1,000 tokens and 10 levels, ask 60 routes, and get 3,000 rows.
    """
    try:
        found = orjson.loads(variables) if variables else None
    except orjson.JSONDecodeError as error:
        raise invalid("variables is not JSON.") from error
    if found is not None and not isinstance(found, dict):
        raise invalid("variables is not a JSON object.")
    return _answer(read, GraphRequest(query=query, variables=found, operation_name=operation))


_BODY = {"content": {"application/json": {"schema": GraphRequest.model_json_schema(), "example": {"query": _EXAMPLE}}}}


@router.post("/graphql", response_model=GraphAnswer, openapi_extra={"requestBody": {**_BODY, "required": True}})
async def graphql_post(request: Request, read: Read) -> Response:
    """The same with the question as JSON: `query`, `variables`, `operationName`."""
    body, length = b"", 0
    async for part in request.stream():
        length += len(part)
        body = (body + part)[: MAX_BODY + 1]
        if length > _READ:
            break
    if length > MAX_BODY:
        raise ApiError(413, "body_too_large", f"A request may have {MAX_BODY:,} bytes.")
    try:
        asked = GraphRequest.model_validate_json(body)
    except ValueError as error:
        raise invalid("The body is not a JSON object with a query.") from error
    return await anyio.to_thread.run_sync(_answer, read, asked, limiter=_AT_ONCE)
