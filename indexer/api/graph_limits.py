"""What a GraphQL request may cost, reckoned from its text before anything is asked."""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_argument_values

from indexer.api.errors import ApiError
from indexer.api.graph import Question

MAX_TOKENS = 1_000
MAX_DEPTH = 10
# Routes that are asked, and rows that they may give, all together.
MAX_ROUTES = 60
MAX_ROWS = 3_000
# Fields that are looked at; named fragments can make few words many fields.
MAX_FIELDS = 2_000


class Bill:
    """Adds up one operation. Raises `ApiError` as soon as it is too much."""

    def __init__(
        self,
        schema: GraphQLSchema,
        questions: Mapping[tuple[str, str], Question],
        document: DocumentNode,
        variables: VariableValues,
    ) -> None:
        self._schema = schema
        self._questions = questions
        self._variables = variables
        self._fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.routes = self.rows = self.fields = 0

    def add(self, operation: OperationDefinitionNode) -> None:
        """Reckon an operation that is valid."""
        assert self._schema.query_type is not None
        self._set(operation.selection_set, self._schema.query_type, 1, 1)

    def _set(self, selections: SelectionSetNode, owner: GraphQLObjectType, times: int, depth: int) -> None:
        _most("levels", depth, MAX_DEPTH)
        for node in selections.selections:
            self.fields += 1
            _most("fields", self.fields, MAX_FIELDS)
            if isinstance(node, FieldNode):
                self._field(node, owner, times, depth)
            elif isinstance(node, FragmentSpreadNode):
                self._set(self._fragments[node.name.value].selection_set, owner, times, depth)
            elif isinstance(node, InlineFragmentNode):
                self._set(node.selection_set, owner, times, depth)

    def _field(self, node: FieldNode, owner: GraphQLObjectType, times: int, depth: int) -> None:
        field = owner.fields.get(node.name.value)
        if field is None:  # the schema itself: bounded by a rule of validation
            return
        question = self._questions.get((owner.name, node.name.value))
        if question is not None:
            self.routes += times
            times *= question.rows(get_argument_values(field, node, self._variables))
            self.rows += times
            _most("questions", self.routes, MAX_ROUTES)
            _most("rows", self.rows, MAX_ROWS)
        inside = get_named_type(field.type)
        if node.selection_set is not None and isinstance(inside, GraphQLObjectType):
            self._set(node.selection_set, inside, times, depth + 1)


def _most(what: str, found: int, limit: int) -> None:
    if found > limit:
        raise ApiError(
            422,
            "query_too_large",
            f"The query may ask for {limit:,} {what} at most: ask for fewer, with smaller limits.",
        )
