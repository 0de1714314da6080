"""GraphQL over the REST routes: the same questions and answers, several in one request, all of one block.

The schema is made from the routes: `/tasks` becomes `tasks`, `/tasks/{task_id}` becomes `task`, and what lies below it,
`/tasks/{task_id}/scores`, a field of every task. Parameters, checks and limits are those of the routes. What a request
may cost is reckoned before anything is asked: how deep it goes, how many routes it asks, how many rows it may get.
"""

import types
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Union, get_args, get_origin

import orjson
from fastapi.dependencies.utils import request_params_to_args
from fastapi.routing import APIRoute
from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLError,
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
)
from pydantic import BaseModel
from starlette.datastructures import QueryParams

from indexer.api.errors import ApiError, invalid_parameters
from indexer.api.snapshot import Snapshot

LONG = GraphQLScalarType("Long", description="A whole number of up to 64 bits.")
JSON = GraphQLScalarType("JSON", description="Any JSON value.")
# Routes that are not about a block, and those that are no JSON.
_LEFT_OUT = {"/live", "/readyz", "/healthz", "/specs/{digest}", "/graphql"}


class FixedRead:
    """Reading in one snapshot that is open already: what all routes of one request get."""

    def __init__(self, at: Snapshot) -> None:
        self._at = at

    def snapshot(self) -> Any:
        """The snapshot."""
        return nullcontext(self._at)


@dataclass(frozen=True)
class Question:
    """One route as a field."""

    route: APIRoute
    # The field of the object that the question is about which fills the route's path; none: an argument does.
    key: str | None = None

    @cached_property
    def arguments(self) -> dict[str, GraphQLArgument]:
        """The route's parameters."""
        dependant = self.route.dependant
        found = {} if self.key else {each.alias: self._argument(each, True) for each in dependant.path_params}
        return found | {each.alias: self._argument(each, False) for each in dependant.query_params}

    @staticmethod
    def _argument(parameter: Any, needed: bool) -> GraphQLArgument:
        kind = _argument_type(parameter.field_info.annotation)
        return GraphQLArgument(GraphQLNonNull(kind) if needed else kind, description=parameter.field_info.description)

    @property
    def is_list(self) -> bool:
        """Whether the answer is a page of rows."""
        return "next" in self.route.response_model.model_fields

    def rows(self, arguments: Mapping[str, Any]) -> int:
        """How many rows it gives at most."""
        if not self.is_list:
            return 1
        limits = [each for each in self.route.dependant.query_params if each.alias == "limit"]
        given = arguments.get("limit")
        return int(given) if isinstance(given, int) else limits[0].default if limits else 500

    def resolve(self, source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        """Ask the route. What is not there is null."""
        dependant = self.route.dependant
        path = {
            each.alias: source[self.key] if self.key else arguments.pop(each.alias) for each in dependant.path_params
        }
        query = QueryParams({name: _text(value) for name, value in arguments.items() if value is not None})
        values: dict[str, Any] = {}
        for fields, received in ((dependant.path_params, path), (dependant.query_params, query)):
            found, problems = request_params_to_args(fields, received)
            if problems:
                raise invalid_parameters(problems)
            values |= found
        try:
            body = orjson.loads(self.route.endpoint(read=info.context, **values).body)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return {name: body[name] for name in body if not name.startswith("block")} if self.is_list else body["data"]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _argument_type(annotation: Any) -> Any:
    kinds = set(get_args(annotation)) or {annotation}
    return GraphQLBoolean if bool in kinds else LONG if int in kinds else GraphQLString


class Builder:
    """Makes the schema from the routes."""

    def __init__(self, routes: list[APIRoute]) -> None:
        self._types: dict[str, GraphQLObjectType] = {}
        self._top: list[APIRoute] = []
        self._below: dict[str, list[APIRoute]] = {}
        self._paths: dict[str, str] = {}
        # By the name of a type and of its field.
        self.questions: dict[tuple[str, str], Question] = {}
        for route in routes:
            if route.path not in _LEFT_OUT:
                self._file(route)

    def _file(self, route: APIRoute) -> None:
        """What lies below one thing, `/tasks/{task_id}/scores`, belongs to that thing's rows."""
        parts = route.path.strip("/").split("/")
        if len(parts) == 3 and parts[1].startswith("{"):
            self._below.setdefault(parts[0], []).append(route)
            return
        self._top.append(route)
        if len(parts) == 1 or (len(parts) == 2 and parts[1].startswith("{")):
            (model, *_) = [*get_args(route.response_model.model_fields["data"].annotation), None]
            model = model or route.response_model.model_fields["data"].annotation
            self._paths[getattr(model, "__name__", "")] = parts[0]

    def schema(self) -> GraphQLSchema:
        """The schema."""
        fields: dict[str, GraphQLField] = {}
        for route in self._top:
            name = route.name if "{" in route.path else route.path.strip("/").replace("/", "_")
            name = f"{route.path.split('/')[1]}_{name}" if name in fields else name
            fields[name] = self._field("Query", name, Question(route))
        return GraphQLSchema(GraphQLObjectType("Query", fields))

    def _field(self, owner: str, name: str, question: Question) -> GraphQLField:
        self.questions[owner, name] = question
        model = question.route.response_model
        kind = self._type(model.model_fields["data"].annotation)
        if question.is_list:
            parts = {name: self._type(each.annotation) for name, each in model.model_fields.items()}
            page = {name: GraphQLField(each) for name, each in parts.items() if not name.startswith("block")}
            kind = self._types.setdefault(model.__name__, GraphQLObjectType(model.__name__, page))
        words = (question.route.description or "").split("\n")[0]
        return GraphQLField(kind, question.arguments, question.resolve, description=words)

    def _type(self, annotation: Any) -> GraphQLOutputType:
        origin, inner = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            return self._type(next(each for each in inner if each is not type(None)))
        if origin is list:
            return GraphQLList(GraphQLNonNull(self._type(inner[0])))
        if origin is Literal:
            return GraphQLString
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            name = annotation.__name__
            if name not in self._types:
                self._types[name] = GraphQLObjectType(name, self._fields(annotation), description=annotation.__doc__)
            return self._types[name]
        plain: dict[Any, GraphQLOutputType] = {bool: GraphQLBoolean, int: LONG, str: GraphQLString}
        return plain.get(annotation, JSON)

    def _fields(self, model: type[BaseModel]) -> Callable[[], dict[str, GraphQLField]]:
        def fields() -> dict[str, GraphQLField]:
            found = {name: GraphQLField(self._type(each.annotation)) for name, each in model.model_fields.items()}
            for route in self._below.get(self._paths.get(model.__name__, ""), []):
                parameter = route.dependant.path_params[0].alias
                key = next((each for each in (parameter, "id", "operator") if each in model.model_fields), None)
                if key is not None:
                    name = route.path.rsplit("/", 1)[1]
                    name = f"all_{name}" if name in found else name
                    found[name] = self._field(model.__name__, name, Question(route, key))
            return found

        return fields


def refused(error: GraphQLError) -> ApiError:
    """What is wrong with a request, in a sentence."""
    if isinstance(error.original_error, ApiError):
        return error.original_error
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    text = error.message.replace("\n", " ").strip()[:300]
    return ApiError(422, "invalid_query", text if text.endswith(".") else f"{text}.")
