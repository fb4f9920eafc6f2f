"""What can be wrong with Octeth's rules as a whole; each command of theirs has its own number for these.

InvalidRules
└── InvalidRulesJson
    ├── NotJson       not JSON, or not of the shape of rules
    ├── NoRules       there is no rule in it
    ├── UnknownType   none of its rules is of a type there is
    ├── TooDeep       more than groups, groups inside these, and rules
    ├── TooLarge      more rules or values than are answered
    ├── InvalidList   a criterion without a list's number
    └── UnknownList   a list that is not there, or somebody else's
"""

from audience.errors import InvalidRules

SYNTAX = "Invalid RulesJSON syntax. It must be a properly formatted JSON payload"


class InvalidRulesJson(InvalidRules):
    code = "invalid_rules_json"


class NotJson(InvalidRulesJson):
    code = "not_json"

    def __init__(self, text: str = SYNTAX) -> None:
        super().__init__(text)


class NoRules(InvalidRulesJson):
    code = "no_rules"


class UnknownType(InvalidRulesJson):
    code = "unknown_type"


class TooDeep(InvalidRulesJson):
    code = "too_deep"


class TooLarge(InvalidRulesJson):
    code = "too_large"


class InvalidList(InvalidRulesJson):
    code = "invalid_list"


class UnknownList(InvalidRulesJson):
    code = "unknown_list"
