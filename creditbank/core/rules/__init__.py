"""The language of rule sets: from a JSON document to a value, from facts to a decision and its explanation."""

from creditbank.core.rules.conversion_set import ConversionSet
from creditbank.core.rules.evaluation import Evaluation, evaluated, failed_tests
from creditbank.core.rules.parsing import AnySet, parsed_ruleset
from creditbank.core.rules.qualification_set import QualificationSet
from creditbank.core.rules.ruleset import Rule, RuleSet
from creditbank.core.rules.subject import facts_document, facts_from
from creditbank.core.rules.wording import sentences

__all__ = [
    "AnySet",
    "ConversionSet",
    "Evaluation",
    "QualificationSet",
    "Rule",
    "RuleSet",
    "evaluated",
    "facts_document",
    "facts_from",
    "failed_tests",
    "parsed_ruleset",
    "sentences",
]
