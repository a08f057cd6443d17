"""What everybody is answered to every operation: the authorization matrix, which test_authorization holds the API to.

A line is an operation, a column a caller (authorization_world makes them), a cell the kind of answer:

`ok` it is theirs to ask: taken, or refused for what the request says (409, 422); `nil` a list that names nothing of the
learner; `404` as if it didn't exist, to the byte; `403` the token lacks the scope; `no` they may never do this,
whatever their scopes (403); `401` the token is worth nothing, or there is none.

A new operation takes a line in every table, a new role of staff a column in those of staff.
"""

from collections.abc import Mapping
from functools import cache

PEOPLE = """
anon self else elsk kid  gdn  ctr  ctr2 gone off  operation
401  401  401  401  401  401  401  401  401  401  POST /oauth/token
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/oauth-authorization-server
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/jwks.json
404  404  404  404  404  404  404  404  404  404  GET /login/{provider}
no   no   no   no   no   no   no   no   no   no   GET /login/callback
404  404  404  404  404  404  404  404  404  404  POST /v1/logins/link
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/link-codes
401  ok   404  404  ok   404  ok   404  401  401  GET /v1/learners/{learner_id}/logins
401  ok   404  404  ok   404  no   404  401  401  DELETE /v1/learners/{learner_id}/logins/{login_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/learners
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/identifiers
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/identifiers/{identifier_id}/end
401  403  403  403  403  403  403  403  401  401  GET /v1/identity/cases
401  403  403  403  403  403  403  403  401  401  POST /v1/identity/cases
401  403  403  403  403  403  403  403  401  401  GET /v1/identity/cases/{case_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/identity/cases/{case_id}/decisions
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/lookup
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/consent-texts
401  403  403  403  403  403  403  403  401  401  POST /v1/consent-texts
401  ok   404  404  no   ok   ok   404  401  401  POST /v1/learners/{learner_id}/consents
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/consents
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/consents/{consent_id}
401  ok   404  404  ok   ok   ok   404  401  401  DELETE /v1/learners/{learner_id}/consents/{consent_id}
401  nil  nil  nil  nil  nil  nil  nil  401  401  GET /v1/consents
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/guardians
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/guardians
401  403  403  403  403  403  403  403  401  401  DELETE /v1/learners/{learner_id}/guardians/{guardianship_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/outcomes
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/outcomes/{outcome_id}
401  403  403  403  403  403  403  403  401  401  PUT /v1/outcomes/{outcome_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/outcomes/{outcome_id}/revoke
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/outcomes
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/qualifications/{code}
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/elmo
401  403  403  403  403  403  403  403  401  401  POST /v1/outcomes/batch
401  403  403  403  403  403  403  403  401  401  POST /v1/imports
401  403  403  403  403  403  403  403  401  401  POST /v1/imports/preview
401  403  403  403  403  403  403  403  401  401  GET /v1/imports
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/imports/templates
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/imports/templates/{mapping_code}
401  403  403  403  403  403  403  403  401  401  GET /v1/imports/{import_id}
401  403  403  403  403  403  403  403  401  401  GET /v1/imports/{import_id}/rows
401  403  403  403  403  403  403  403  401  401  GET /v1/imports/{import_id}/rejects
401  403  403  403  403  403  403  403  401  401  POST /v1/imports/{import_id}/cancel
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/elmo
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/credentials/imports
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/balance
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/statement
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/statement/{entry_id}/proof
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/checkpoint
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/proof
401  403  403  403  403  403  403  403  401  401  GET /v1/events
401  403  403  403  403  403  403  403  401  401  GET /v1/webhooks
401  403  403  403  403  403  403  403  401  401  POST /v1/webhooks
401  403  403  403  403  403  403  403  401  401  GET /v1/webhooks/{webhook_id}
401  403  403  403  403  403  403  403  401  401  PUT /v1/webhooks/{webhook_id}
401  403  403  403  403  403  403  403  401  401  DELETE /v1/webhooks/{webhook_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/webhooks/{webhook_id}/secret
401  403  403  403  403  403  403  403  401  401  POST /v1/webhooks/{webhook_id}/test
401  403  403  403  403  403  403  403  401  401  GET /v1/webhooks/{webhook_id}/deliveries
401  403  403  403  403  403  403  403  401  401  POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend
401  403  403  403  403  403  403  403  401  401  POST /v1/webhooks/{webhook_id}/replay
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/decisions/{decision_id}
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/decisions/{decision_id}/replay
401  403  403  403  403  403  403  403  401  401  POST /v1/rulesets
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/rulesets
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/rulesets/{code}
401  404  404  404  404  404  404  404  401  401  GET /v1/rulesets/{code}/versions/{version}
401  403  403  403  403  403  403  403  401  401  POST /v1/rulesets/{code}/versions/{version}/publish
401  403  403  403  403  403  403  403  401  401  POST /v1/rulesets/{code}/versions/{version}/withdraw
401  403  403  403  403  403  403  403  401  401  POST /v1/rulesets/{code}/versions/{version}/check
401  403  403  403  403  403  403  403  401  401  POST /v1/rulesets/{code}/versions/{version}/impact
401  ok   ok   ok   ok   ok   ok   ok   401  401  POST /v1/rulesets/{code}/evaluate
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/institutions
401  403  403  403  403  403  403  403  401  401  POST /v1/institutions
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/institutions/{institution_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/institutions/{institution_id}/end
401  403  403  403  403  403  403  403  401  401  POST /v1/institutions/{institution_id}/region
401  403  403  403  403  403  403  403  401  401  GET /v1/institutions/{institution_id}/delegations
401  403  403  403  403  403  403  403  401  401  POST /v1/institutions/{institution_id}/delegations
401  403  403  403  403  403  403  403  401  401  DELETE /v1/institutions/{institution_id}/delegations/{delegation_id}
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/regions
401  403  403  403  403  403  403  403  401  401  POST /v1/regions
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/regions/{region}
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/schemes
401  403  403  403  403  403  403  403  401  401  POST /v1/schemes
401  403  403  403  403  403  403  403  401  401  GET /v1/statistics
401  403  403  403  403  403  403  403  401  401  GET /v1/statistics/handling
401  403  403  403  403  403  403  403  401  401  GET /v1/statistics/reasons
401  403  403  403  403  403  403  403  401  401  POST /v1/programmes
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/programmes
401  ok   ok   ok   ok   ok   ok   ok   401  401  GET /v1/programmes/{institution}/{code}
401  403  403  403  403  403  403  403  401  401  PUT /v1/programmes/{institution}/{code}
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/conversions
401  ok   nil  nil  ok   nil  ok   nil  401  401  GET /v1/conversions
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/conversions/{conversion_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/conversions/{conversion_id}/decisions
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/conversions/{conversion_id}/resubmit
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/conversions/{conversion_id}/withdraw
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/conversions/{conversion_id}/decline
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/conversions/{conversion_id}/appeal
401  403  403  403  403  403  403  403  401  401  GET /v1/cases
401  403  403  403  403  403  403  403  401  401  GET /v1/award-cases
401  403  403  403  403  403  403  403  401  401  GET /v1/cases/{case_id}
401  403  403  403  403  403  403  403  401  401  GET /v1/award-cases/{case_id}
401  403  403  403  403  403  403  403  401  401  POST /v1/cases/{case_id}/decisions
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/credentials
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/credentials/{credential_id}
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/credentials/{credential_id}.pdf
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/credentials
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/credentials/record
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/learners/{learner_id}/credentials/presentations
401  404  404  404  404  404  404  404  401  401  POST /v1/credentials/{credential_id}/revoke
401  404  404  404  404  404  404  404  401  401  POST /v1/credentials/{credential_id}/suspend
401  404  404  404  404  404  404  404  401  401  POST /v1/credentials/{credential_id}/reinstate
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/credentials/{credential_id}/shares
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/credentials/{credential_id}/shares
401  ok   404  404  ok   ok   ok   404  401  401  DELETE /v1/credentials/{credential_id}/shares/{share_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/did.json
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /credentials/contexts/v1
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/status-lists/{list_number}
404  404  404  404  404  404  404  404  404  404  GET /verify/{share_code}
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/credentials/verify
401  403  403  403  403  403  403  403  401  401  POST /v1/award-cases/{case_id}/decisions
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/learners/{learner_id}/plan
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/qualifications/{code}/awards
401  403  403  403  403  403  403  403  401  401  POST /v1/staff
401  403  403  403  403  403  403  403  401  401  GET /v1/staff
401  403  403  403  403  403  403  403  401  401  GET /v1/staff/{staff_id}
401  403  403  403  403  403  403  403  401  401  PUT /v1/staff/{staff_id}/roles
401  403  403  403  403  403  403  403  401  401  POST /v1/staff/{staff_id}/invitations
401  403  403  403  403  403  403  403  401  401  POST /v1/staff/{staff_id}/deactivate
401  403  403  403  403  403  403  403  401  401  POST /v1/proxy-sessions
401  403  403  403  403  403  403  403  401  401  GET /v1/audit
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/access-log
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/export
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/learners/{learner_id}/restriction
401  ok   404  404  ok   ok   ok   404  401  401  DELETE /v1/learners/{learner_id}/restriction
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/learners/{learner_id}/correction-requests
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/correction-requests
401  403  403  403  403  403  403  403  401  401  GET /v1/correction-requests
401  403  403  403  403  403  403  403  401  401  POST /v1/correction-requests/{request_id}/answer
401  403  403  403  403  403  403  403  401  401  POST /v1/learners/{learner_id}/corrections
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/learners/{learner_id}/erasure-requests
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/learners/{learner_id}/erasure-requests
401  ok   404  404  ok   ok   ok   404  401  401  POST /v1/learners/{learner_id}/erasure-requests/{request_id}/withdraw
401  403  403  403  403  403  403  403  401  401  GET /v1/erasure-requests
401  403  403  403  403  403  403  403  401  401  POST /v1/erasure-requests/{request_id}/decisions
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /healthz
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /readyz
ok   ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /metrics
401  ok   404  404  ok   ok   ok   404  401  401  GET /v1/conversions of a learner
"""
"""`anon` without a token; `self` the learner; `else` another one, asking for the first one's things, `elsk` for a
child's; `kid` that child and `gdn` its guardian, asking for the child's; `ctr` a counter that acts for the learner,
`ctr2` one that acts for another; `gone` a learner who was erased since they got their token, `off` a member of staff
who was deactivated."""

INSTITUTIONS = """
iss  issk issr isse acc  far  fark operation
401  401  401  401  401  401  401  POST /oauth/token
ok   ok   ok   ok   ok   ok   ok   GET /.well-known/oauth-authorization-server
ok   ok   ok   ok   ok   ok   ok   GET /.well-known/jwks.json
404  404  404  404  404  404  404  GET /login/{provider}
no   no   no   no   no   no   no   GET /login/callback
404  404  404  404  404  404  404  POST /v1/logins/link
ok   ok   ok   404  404  404  404  POST /v1/learners/{learner_id}/link-codes
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/logins
404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/logins/{login_id}
ok   ok   ok   ok   ok   ok   ok   POST /v1/learners
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}
ok   ok   404  404  404  404  404  POST /v1/learners/{learner_id}/identifiers
ok   ok   404  404  404  404  404  POST /v1/learners/{learner_id}/identifiers/{identifier_id}/end
ok   ok   nil  nil  nil  nil  nil  GET /v1/identity/cases
ok   ok   404  404  404  404  404  POST /v1/identity/cases
ok   ok   404  404  404  404  404  GET /v1/identity/cases/{case_id}
ok   ok   404  404  404  404  404  POST /v1/identity/cases/{case_id}/decisions
ok   ok   ok   ok   ok   ok   ok   POST /v1/learners/lookup
ok   ok   ok   ok   ok   ok   ok   GET /v1/consent-texts
403  403  403  403  403  403  403  POST /v1/consent-texts
404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/consents
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/consents
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/consents/{consent_id}
404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/consents/{consent_id}
nil  nil  nil  nil  nil  nil  nil  GET /v1/consents
ok   ok   ok   404  404  404  404  POST /v1/learners/{learner_id}/guardians
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/guardians
404  ok   404  404  404  404  404  DELETE /v1/learners/{learner_id}/guardians/{guardianship_id}
ok   ok   ok   404  404  404  404  POST /v1/outcomes
ok   ok   404  404  404  404  404  GET /v1/outcomes/{outcome_id}
ok   ok   ok   404  404  404  404  PUT /v1/outcomes/{outcome_id}
ok   ok   ok   404  404  404  404  POST /v1/outcomes/{outcome_id}/revoke
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/outcomes
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/qualifications/{code}
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/elmo
ok   ok   ok   ok   ok   ok   ok   POST /v1/outcomes/batch
ok   ok   ok   ok   ok   ok   ok   POST /v1/imports
ok   ok   ok   ok   ok   ok   ok   POST /v1/imports/preview
ok   ok   ok   ok   ok   ok   ok   GET /v1/imports
ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates
ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates/{mapping_code}
ok   ok   ok   ok   404  404  404  GET /v1/imports/{import_id}
ok   ok   ok   ok   404  404  404  GET /v1/imports/{import_id}/rows
ok   ok   ok   ok   404  404  404  GET /v1/imports/{import_id}/rejects
ok   ok   ok   ok   404  404  404  POST /v1/imports/{import_id}/cancel
ok   ok   ok   ok   ok   ok   ok   POST /v1/learners/{learner_id}/elmo
ok   ok   ok   ok   ok   ok   ok   POST /v1/learners/{learner_id}/credentials/imports
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/balance
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/statement
ok   ok   404  404  404  404  404  GET /v1/learners/{learner_id}/statement/{entry_id}/proof
ok   ok   ok   ok   ok   ok   ok   GET /v1/log/checkpoint
ok   ok   ok   ok   ok   ok   ok   GET /v1/log/proof
ok   ok   nil  nil  ok   nil  nil  GET /v1/events
ok   ok   ok   ok   nil  nil  nil  GET /v1/webhooks
ok   ok   ok   ok   ok   ok   ok   POST /v1/webhooks
ok   ok   ok   ok   404  404  404  GET /v1/webhooks/{webhook_id}
ok   ok   ok   ok   404  404  404  PUT /v1/webhooks/{webhook_id}
ok   ok   ok   ok   404  404  404  DELETE /v1/webhooks/{webhook_id}
ok   ok   ok   ok   404  404  404  POST /v1/webhooks/{webhook_id}/secret
ok   ok   ok   ok   404  404  404  POST /v1/webhooks/{webhook_id}/test
ok   ok   ok   ok   404  404  404  GET /v1/webhooks/{webhook_id}/deliveries
ok   ok   ok   ok   404  404  404  POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend
ok   ok   ok   ok   404  404  404  POST /v1/webhooks/{webhook_id}/replay
ok   ok   404  404  404  404  404  GET /v1/decisions/{decision_id}
ok   ok   404  404  404  404  404  POST /v1/decisions/{decision_id}/replay
ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets/{code}
ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets/{code}/versions/{version}
ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/versions/{version}/publish
ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/versions/{version}/withdraw
ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/versions/{version}/check
ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/versions/{version}/impact
ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/evaluate
ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions
403  403  403  403  403  403  403  POST /v1/institutions
ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions/{institution_id}
403  403  403  403  403  403  403  POST /v1/institutions/{institution_id}/end
403  403  403  403  403  403  403  POST /v1/institutions/{institution_id}/region
ok   ok   ok   ok   404  404  404  GET /v1/institutions/{institution_id}/delegations
ok   ok   ok   ok   404  404  404  POST /v1/institutions/{institution_id}/delegations
ok   ok   ok   ok   404  404  404  DELETE /v1/institutions/{institution_id}/delegations/{delegation_id}
ok   ok   ok   ok   ok   ok   ok   GET /v1/regions
403  403  403  403  403  403  403  POST /v1/regions
ok   ok   ok   ok   ok   ok   ok   GET /v1/regions/{region}
ok   ok   ok   ok   ok   ok   ok   GET /v1/schemes
ok   ok   ok   ok   ok   ok   ok   POST /v1/schemes
403  403  403  403  403  403  403  GET /v1/statistics
403  403  403  403  403  403  403  GET /v1/statistics/handling
403  403  403  403  403  403  403  GET /v1/statistics/reasons
ok   ok   ok   ok   ok   ok   ok   POST /v1/programmes
ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes
ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes/{institution}/{code}
ok   ok   ok   ok   404  404  404  PUT /v1/programmes/{institution}/{code}
ok   ok   404  404  404  404  404  POST /v1/conversions
ok   ok   nil  nil  ok   nil  nil  GET /v1/conversions
ok   ok   404  404  ok   404  404  GET /v1/conversions/{conversion_id}
no   no   404  404  ok   404  404  POST /v1/conversions/{conversion_id}/decisions
ok   ok   404  404  404  404  404  POST /v1/conversions/{conversion_id}/resubmit
ok   ok   404  404  404  404  404  POST /v1/conversions/{conversion_id}/withdraw
ok   ok   404  404  404  404  404  POST /v1/conversions/{conversion_id}/decline
ok   ok   404  404  404  404  404  POST /v1/conversions/{conversion_id}/appeal
nil  nil  nil  nil  ok   nil  nil  GET /v1/cases
nil  nil  nil  nil  ok   nil  nil  GET /v1/award-cases
404  404  404  404  ok   404  404  GET /v1/cases/{case_id}
404  404  404  404  ok   404  404  GET /v1/award-cases/{case_id}
404  404  404  404  ok   404  404  POST /v1/cases/{case_id}/decisions
ok   ok   404  404  404  404  404  POST /v1/credentials
ok   ok   404  404  404  404  404  GET /v1/credentials/{credential_id}
ok   ok   404  404  404  404  404  GET /v1/credentials/{credential_id}.pdf
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/credentials
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/credentials/record
404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/credentials/presentations
ok   ok   404  404  404  404  404  POST /v1/credentials/{credential_id}/revoke
ok   ok   404  404  404  404  404  POST /v1/credentials/{credential_id}/suspend
ok   ok   404  404  404  404  404  POST /v1/credentials/{credential_id}/reinstate
404  404  404  404  404  404  404  POST /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  GET /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  DELETE /v1/credentials/{credential_id}/shares/{share_id}
ok   ok   ok   ok   ok   ok   ok   GET /.well-known/did.json
ok   ok   ok   ok   ok   ok   ok   GET /credentials/contexts/v1
ok   ok   ok   ok   ok   ok   ok   GET /v1/status-lists/{list_number}
404  404  404  404  404  404  404  GET /verify/{share_code}
ok   ok   ok   ok   ok   ok   ok   POST /v1/credentials/verify
404  404  404  404  ok   404  404  POST /v1/award-cases/{case_id}/decisions
ok   ok   404  404  404  404  404  POST /v1/learners/{learner_id}/plan
ok   ok   404  404  404  404  404  POST /v1/qualifications/{code}/awards
403  403  403  403  403  403  403  POST /v1/staff
403  403  403  403  403  403  403  GET /v1/staff
403  403  403  403  403  403  403  GET /v1/staff/{staff_id}
403  403  403  403  403  403  403  PUT /v1/staff/{staff_id}/roles
403  403  403  403  403  403  403  POST /v1/staff/{staff_id}/invitations
403  403  403  403  403  403  403  POST /v1/staff/{staff_id}/deactivate
no   no   no   no   no   no   no   POST /v1/proxy-sessions
403  403  403  403  403  403  403  GET /v1/audit
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/access-log
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/export
404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/correction-requests
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/correction-requests
ok   ok   ok   nil  nil  nil  nil  GET /v1/correction-requests
ok   ok   ok   404  404  404  404  POST /v1/correction-requests/{request_id}/answer
ok   ok   ok   404  404  404  404  POST /v1/learners/{learner_id}/corrections
404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests/{request_id}/withdraw
ok   ok   ok   nil  nil  nil  nil  GET /v1/erasure-requests
ok   ok   ok   404  404  404  404  POST /v1/erasure-requests/{request_id}/decisions
ok   ok   ok   ok   ok   ok   ok   GET /healthz
ok   ok   ok   ok   ok   ok   ok   GET /readyz
ok   ok   ok   ok   ok   ok   ok   GET /metrics
ok   ok   nil  nil  ok   nil  nil  GET /v1/conversions of a learner
"""
"""`iss` the institution that knows the learner, asking for theirs; `issk` for a child's, `issr` for those of somebody
who restricted their data, `isse` of somebody who was erased; `acc` the institution that accepts the conversion; `far`
one that knows neither the learner nor (`fark`) the child; all with every scope that an institution can have."""

PARTNERS = """
pno  pwd  pbal pyes operation
401  401  401  401  POST /oauth/token
ok   ok   ok   ok   GET /.well-known/oauth-authorization-server
ok   ok   ok   ok   GET /.well-known/jwks.json
404  404  404  404  GET /login/{provider}
no   no   no   no   GET /login/callback
404  404  404  404  POST /v1/logins/link
403  403  403  403  POST /v1/learners/{learner_id}/link-codes
404  404  404  404  GET /v1/learners/{learner_id}/logins
404  404  404  404  DELETE /v1/learners/{learner_id}/logins/{login_id}
403  403  403  403  POST /v1/learners
404  404  404  ok   GET /v1/learners/{learner_id}
403  403  403  403  POST /v1/learners/{learner_id}/identifiers
403  403  403  403  POST /v1/learners/{learner_id}/identifiers/{identifier_id}/end
403  403  403  403  GET /v1/identity/cases
403  403  403  403  POST /v1/identity/cases
403  403  403  403  GET /v1/identity/cases/{case_id}
403  403  403  403  POST /v1/identity/cases/{case_id}/decisions
ok   ok   ok   ok   POST /v1/learners/lookup
ok   ok   ok   ok   GET /v1/consent-texts
403  403  403  403  POST /v1/consent-texts
403  403  403  403  POST /v1/learners/{learner_id}/consents
404  404  404  404  GET /v1/learners/{learner_id}/consents
404  404  404  404  GET /v1/learners/{learner_id}/consents/{consent_id}
403  403  403  403  DELETE /v1/learners/{learner_id}/consents/{consent_id}
nil  nil  nil  ok   GET /v1/consents
403  403  403  403  POST /v1/learners/{learner_id}/guardians
403  403  403  403  GET /v1/learners/{learner_id}/guardians
403  403  403  403  DELETE /v1/learners/{learner_id}/guardians/{guardianship_id}
403  403  403  403  POST /v1/outcomes
404  404  404  404  GET /v1/outcomes/{outcome_id}
403  403  403  403  PUT /v1/outcomes/{outcome_id}
403  403  403  403  POST /v1/outcomes/{outcome_id}/revoke
404  404  404  ok   GET /v1/learners/{learner_id}/outcomes
404  404  404  ok   GET /v1/learners/{learner_id}/qualifications/{code}
404  404  404  ok   GET /v1/learners/{learner_id}/elmo
403  403  403  403  POST /v1/outcomes/batch
403  403  403  403  POST /v1/imports
403  403  403  403  POST /v1/imports/preview
403  403  403  403  GET /v1/imports
ok   ok   ok   ok   GET /v1/imports/templates
ok   ok   ok   ok   GET /v1/imports/templates/{mapping_code}
403  403  403  403  GET /v1/imports/{import_id}
403  403  403  403  GET /v1/imports/{import_id}/rows
403  403  403  403  GET /v1/imports/{import_id}/rejects
403  403  403  403  POST /v1/imports/{import_id}/cancel
403  403  403  403  POST /v1/learners/{learner_id}/elmo
403  403  403  403  POST /v1/learners/{learner_id}/credentials/imports
404  404  ok   ok   GET /v1/learners/{learner_id}/balance
404  404  404  ok   GET /v1/learners/{learner_id}/statement
404  404  404  404  GET /v1/learners/{learner_id}/statement/{entry_id}/proof
ok   ok   ok   ok   GET /v1/log/checkpoint
ok   ok   ok   ok   GET /v1/log/proof
nil  nil  nil  ok   GET /v1/events
nil  nil  nil  nil  GET /v1/webhooks
ok   ok   ok   ok   POST /v1/webhooks
404  404  404  404  GET /v1/webhooks/{webhook_id}
404  404  404  404  PUT /v1/webhooks/{webhook_id}
404  404  404  404  DELETE /v1/webhooks/{webhook_id}
404  404  404  404  POST /v1/webhooks/{webhook_id}/secret
404  404  404  404  POST /v1/webhooks/{webhook_id}/test
404  404  404  404  GET /v1/webhooks/{webhook_id}/deliveries
404  404  404  404  POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend
404  404  404  404  POST /v1/webhooks/{webhook_id}/replay
404  404  404  404  GET /v1/decisions/{decision_id}
404  404  404  404  POST /v1/decisions/{decision_id}/replay
403  403  403  403  POST /v1/rulesets
ok   ok   ok   ok   GET /v1/rulesets
ok   ok   ok   ok   GET /v1/rulesets/{code}
404  404  404  404  GET /v1/rulesets/{code}/versions/{version}
403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/publish
403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/withdraw
403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/check
403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/impact
ok   ok   ok   ok   POST /v1/rulesets/{code}/evaluate
ok   ok   ok   ok   GET /v1/institutions
403  403  403  403  POST /v1/institutions
ok   ok   ok   ok   GET /v1/institutions/{institution_id}
403  403  403  403  POST /v1/institutions/{institution_id}/end
403  403  403  403  POST /v1/institutions/{institution_id}/region
403  403  403  403  GET /v1/institutions/{institution_id}/delegations
403  403  403  403  POST /v1/institutions/{institution_id}/delegations
403  403  403  403  DELETE /v1/institutions/{institution_id}/delegations/{delegation_id}
ok   ok   ok   ok   GET /v1/regions
403  403  403  403  POST /v1/regions
ok   ok   ok   ok   GET /v1/regions/{region}
ok   ok   ok   ok   GET /v1/schemes
403  403  403  403  POST /v1/schemes
403  403  403  403  GET /v1/statistics
403  403  403  403  GET /v1/statistics/handling
403  403  403  403  GET /v1/statistics/reasons
403  403  403  403  POST /v1/programmes
ok   ok   ok   ok   GET /v1/programmes
ok   ok   ok   ok   GET /v1/programmes/{institution}/{code}
403  403  403  403  PUT /v1/programmes/{institution}/{code}
403  403  403  403  POST /v1/conversions
403  403  403  403  GET /v1/conversions
403  403  403  403  GET /v1/conversions/{conversion_id}
403  403  403  403  POST /v1/conversions/{conversion_id}/decisions
403  403  403  403  POST /v1/conversions/{conversion_id}/resubmit
403  403  403  403  POST /v1/conversions/{conversion_id}/withdraw
403  403  403  403  POST /v1/conversions/{conversion_id}/decline
403  403  403  403  POST /v1/conversions/{conversion_id}/appeal
403  403  403  403  GET /v1/cases
403  403  403  403  GET /v1/award-cases
403  403  403  403  GET /v1/cases/{case_id}
403  403  403  403  GET /v1/award-cases/{case_id}
403  403  403  403  POST /v1/cases/{case_id}/decisions
403  403  403  403  POST /v1/credentials
403  403  403  403  GET /v1/credentials/{credential_id}
403  403  403  403  GET /v1/credentials/{credential_id}.pdf
404  404  404  404  GET /v1/learners/{learner_id}/credentials
404  404  404  404  GET /v1/learners/{learner_id}/credentials/record
404  404  404  404  POST /v1/learners/{learner_id}/credentials/presentations
403  403  403  403  POST /v1/credentials/{credential_id}/revoke
403  403  403  403  POST /v1/credentials/{credential_id}/suspend
403  403  403  403  POST /v1/credentials/{credential_id}/reinstate
404  404  404  404  POST /v1/credentials/{credential_id}/shares
404  404  404  404  GET /v1/credentials/{credential_id}/shares
404  404  404  404  DELETE /v1/credentials/{credential_id}/shares/{share_id}
ok   ok   ok   ok   GET /.well-known/did.json
ok   ok   ok   ok   GET /credentials/contexts/v1
ok   ok   ok   ok   GET /v1/status-lists/{list_number}
404  404  404  404  GET /verify/{share_code}
ok   ok   ok   ok   POST /v1/credentials/verify
403  403  403  403  POST /v1/award-cases/{case_id}/decisions
404  404  404  404  POST /v1/learners/{learner_id}/plan
403  403  403  403  POST /v1/qualifications/{code}/awards
403  403  403  403  POST /v1/staff
403  403  403  403  GET /v1/staff
403  403  403  403  GET /v1/staff/{staff_id}
403  403  403  403  PUT /v1/staff/{staff_id}/roles
403  403  403  403  POST /v1/staff/{staff_id}/invitations
403  403  403  403  POST /v1/staff/{staff_id}/deactivate
403  403  403  403  POST /v1/proxy-sessions
403  403  403  403  GET /v1/audit
404  404  404  404  GET /v1/learners/{learner_id}/access-log
404  404  404  404  GET /v1/learners/{learner_id}/export
404  404  404  404  POST /v1/learners/{learner_id}/restriction
404  404  404  404  DELETE /v1/learners/{learner_id}/restriction
404  404  404  404  POST /v1/learners/{learner_id}/correction-requests
404  404  404  404  GET /v1/learners/{learner_id}/correction-requests
403  403  403  403  GET /v1/correction-requests
403  403  403  403  POST /v1/correction-requests/{request_id}/answer
403  403  403  403  POST /v1/learners/{learner_id}/corrections
404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests
404  404  404  404  GET /v1/learners/{learner_id}/erasure-requests
404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests/{request_id}/withdraw
403  403  403  403  GET /v1/erasure-requests
403  403  403  403  POST /v1/erasure-requests/{request_id}/decisions
ok   ok   ok   ok   GET /healthz
ok   ok   ok   ok   GET /readyz
ok   ok   ok   ok   GET /metrics
403  403  403  403  GET /v1/conversions of a learner
"""
"""`pno` without a consent; `pwd` whose consent was withdrawn; `pbal` with one to the balance alone, `pyes` to all;
with every scope that counts of a partner's token."""

STAFF_OF_THE_AUTHORITY = """
reg  rev  aut  pub  aud  sys  sec  log  ctr  operation
401  401  401  401  401  401  401  401  401  POST /oauth/token
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/oauth-authorization-server
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/jwks.json
404  404  404  404  404  404  404  404  404  GET /login/{provider}
no   no   no   no   no   no   no   no   no   GET /login/callback
404  404  404  404  404  404  404  404  404  POST /v1/logins/link
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/link-codes
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/logins
404  404  404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/logins/{login_id}
ok   403  403  403  403  403  403  403  403  POST /v1/learners
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/identifiers
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/identifiers/{identifier_id}/end
ok   403  403  403  403  403  403  403  403  GET /v1/identity/cases
ok   403  403  403  403  403  403  403  403  POST /v1/identity/cases
ok   403  403  403  403  403  403  403  403  GET /v1/identity/cases/{case_id}
ok   403  403  403  403  403  403  403  403  POST /v1/identity/cases/{case_id}/decisions
403  403  403  403  403  403  403  403  403  POST /v1/learners/lookup
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/consent-texts
403  403  403  403  403  ok   403  403  403  POST /v1/consent-texts
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/consents
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/consents
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/consents/{consent_id}
403  403  403  403  403  403  403  403  403  DELETE /v1/learners/{learner_id}/consents/{consent_id}
nil  403  403  403  403  403  403  403  403  GET /v1/consents
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/guardians
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/guardians
404  403  403  403  403  403  403  403  403  DELETE /v1/learners/{learner_id}/guardians/{guardianship_id}
403  403  403  403  403  403  403  403  403  POST /v1/outcomes
404  403  403  403  ok   403  403  403  403  GET /v1/outcomes/{outcome_id}
403  403  403  403  403  403  403  403  403  PUT /v1/outcomes/{outcome_id}
403  403  403  403  403  403  403  403  403  POST /v1/outcomes/{outcome_id}/revoke
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/outcomes
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/qualifications/{code}
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/elmo
403  403  403  403  403  403  403  403  403  POST /v1/outcomes/batch
403  403  403  403  403  403  403  403  403  POST /v1/imports
403  403  403  403  403  403  403  403  403  POST /v1/imports/preview
403  403  403  403  403  403  403  403  403  GET /v1/imports
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates/{mapping_code}
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}/rows
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}/rejects
403  403  403  403  403  403  403  403  403  POST /v1/imports/{import_id}/cancel
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/elmo
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/credentials/imports
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/balance
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/statement
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/statement/{entry_id}/proof
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/checkpoint
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/proof
403  403  403  403  403  403  403  403  403  GET /v1/events
403  403  403  403  403  403  403  403  403  GET /v1/webhooks
403  403  403  403  403  403  403  403  403  POST /v1/webhooks
403  403  403  403  403  403  403  403  403  GET /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  PUT /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  DELETE /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/secret
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/test
403  403  403  403  403  403  403  403  403  GET /v1/webhooks/{webhook_id}/deliveries
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/replay
404  404  403  403  ok   403  403  403  403  GET /v1/decisions/{decision_id}
404  404  403  403  ok   403  403  403  403  POST /v1/decisions/{decision_id}/replay
403  403  ok   403  403  403  403  403  403  POST /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets/{code}
404  404  ok   ok   ok   404  404  404  404  GET /v1/rulesets/{code}/versions/{version}
403  403  403  ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/publish
403  403  403  ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/withdraw
403  403  ok   ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/check
403  403  ok   ok   ok   403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/impact
ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/evaluate
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions
403  403  403  403  403  ok   403  403  403  POST /v1/institutions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions/{institution_id}
403  403  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/end
403  403  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/region
403  404  403  403  ok   ok   403  403  403  GET /v1/institutions/{institution_id}/delegations
403  404  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/delegations
403  404  403  403  403  ok   403  403  403  DELETE /v1/institutions/{institution_id}/delegations/{delegation_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/regions
403  403  403  403  403  ok   403  403  403  POST /v1/regions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/regions/{region}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/schemes
403  403  ok   403  403  ok   403  403  403  POST /v1/schemes
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics/handling
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics/reasons
403  403  ok   403  403  403  403  403  403  POST /v1/programmes
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes/{institution}/{code}
403  403  404  403  403  403  403  403  403  PUT /v1/programmes/{institution}/{code}
403  403  403  403  403  403  403  403  403  POST /v1/conversions
403  ok   403  403  ok   403  403  403  403  GET /v1/conversions
403  ok   403  403  ok   403  403  403  403  GET /v1/conversions/{conversion_id}
403  no   403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/decisions
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/resubmit
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/withdraw
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/decline
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/appeal
403  nil  403  403  ok   403  403  403  403  GET /v1/cases
403  nil  403  403  ok   403  403  403  403  GET /v1/award-cases
403  404  403  403  ok   403  403  403  403  GET /v1/cases/{case_id}
403  404  403  403  ok   403  403  403  403  GET /v1/award-cases/{case_id}
403  404  403  403  403  403  403  403  403  POST /v1/cases/{case_id}/decisions
404  403  403  403  403  403  403  403  403  POST /v1/credentials
404  403  403  403  ok   403  403  403  403  GET /v1/credentials/{credential_id}
404  403  403  403  403  403  403  403  403  GET /v1/credentials/{credential_id}.pdf
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/credentials
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/credentials/record
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/credentials/presentations
404  403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/revoke
404  403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/suspend
404  403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/reinstate
404  404  404  404  404  404  404  404  404  POST /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  404  404  GET /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  404  404  DELETE /v1/credentials/{credential_id}/shares/{share_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/did.json
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /credentials/contexts/v1
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/status-lists/{list_number}
404  404  404  404  404  404  404  404  404  GET /verify/{share_code}
ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/credentials/verify
403  404  403  403  403  403  403  403  403  POST /v1/award-cases/{case_id}/decisions
403  403  403  403  ok   403  403  403  403  POST /v1/learners/{learner_id}/plan
404  403  403  403  403  403  403  403  403  POST /v1/qualifications/{code}/awards
403  403  403  403  403  403  ok   403  403  POST /v1/staff
403  403  403  403  403  403  ok   403  403  GET /v1/staff
403  403  403  403  403  403  ok   403  403  GET /v1/staff/{staff_id}
403  403  403  403  403  403  ok   403  403  PUT /v1/staff/{staff_id}/roles
403  403  403  403  403  403  ok   403  403  POST /v1/staff/{staff_id}/invitations
403  403  403  403  403  403  ok   403  403  POST /v1/staff/{staff_id}/deactivate
403  403  403  403  403  403  403  403  404  POST /v1/proxy-sessions
403  403  403  403  403  403  403  ok   403  GET /v1/audit
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/access-log
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/export
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/correction-requests
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/correction-requests
nil  403  403  403  403  403  403  403  403  GET /v1/correction-requests
404  403  403  403  403  403  403  403  403  POST /v1/correction-requests/{request_id}/answer
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/corrections
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests/{request_id}/withdraw
ok   403  403  403  403  403  403  403  403  GET /v1/erasure-requests
ok   403  403  403  403  403  403  403  403  POST /v1/erasure-requests/{request_id}/decisions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /healthz
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /readyz
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /metrics
403  ok   403  403  ok   403  403  403  403  GET /v1/conversions of a learner
"""
"""Staff of the authority, which does not know the learner."""

STAFF_OF_THE_ISSUER = """
reg  rev  aut  pub  aud  sys  sec  log  ctr  operation
401  401  401  401  401  401  401  401  401  POST /oauth/token
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/oauth-authorization-server
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/jwks.json
404  404  404  404  404  404  404  404  404  GET /login/{provider}
no   no   no   no   no   no   no   no   no   GET /login/callback
404  404  404  404  404  404  404  404  404  POST /v1/logins/link
ok   403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/link-codes
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/logins
404  404  404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/logins/{login_id}
ok   403  403  403  403  403  403  403  403  POST /v1/learners
ok   403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}
ok   403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/identifiers
ok   403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/identifiers/{identifier_id}/end
ok   403  403  403  403  403  403  403  403  GET /v1/identity/cases
ok   403  403  403  403  403  403  403  403  POST /v1/identity/cases
ok   403  403  403  403  403  403  403  403  GET /v1/identity/cases/{case_id}
ok   403  403  403  403  403  403  403  403  POST /v1/identity/cases/{case_id}/decisions
403  403  403  403  403  403  403  403  403  POST /v1/learners/lookup
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/consent-texts
403  403  403  403  403  ok   403  403  403  POST /v1/consent-texts
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/consents
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/consents
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/consents/{consent_id}
403  403  403  403  403  403  403  403  403  DELETE /v1/learners/{learner_id}/consents/{consent_id}
nil  403  403  403  403  403  403  403  403  GET /v1/consents
ok   403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/guardians
ok   403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/guardians
404  403  403  403  403  403  403  403  403  DELETE /v1/learners/{learner_id}/guardians/{guardianship_id}
403  403  403  403  403  403  403  403  403  POST /v1/outcomes
ok   403  403  403  ok   403  403  403  403  GET /v1/outcomes/{outcome_id}
403  403  403  403  403  403  403  403  403  PUT /v1/outcomes/{outcome_id}
403  403  403  403  403  403  403  403  403  POST /v1/outcomes/{outcome_id}/revoke
ok   403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/outcomes
ok   403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/qualifications/{code}
ok   403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/elmo
403  403  403  403  403  403  403  403  403  POST /v1/outcomes/batch
403  403  403  403  403  403  403  403  403  POST /v1/imports
403  403  403  403  403  403  403  403  403  POST /v1/imports/preview
403  403  403  403  403  403  403  403  403  GET /v1/imports
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates/{mapping_code}
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}/rows
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}/rejects
403  403  403  403  403  403  403  403  403  POST /v1/imports/{import_id}/cancel
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/elmo
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/credentials/imports
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/balance
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/statement
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/statement/{entry_id}/proof
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/checkpoint
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/proof
403  403  403  403  403  403  403  403  403  GET /v1/events
403  403  403  403  403  403  403  403  403  GET /v1/webhooks
403  403  403  403  403  403  403  403  403  POST /v1/webhooks
403  403  403  403  403  403  403  403  403  GET /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  PUT /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  DELETE /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/secret
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/test
403  403  403  403  403  403  403  403  403  GET /v1/webhooks/{webhook_id}/deliveries
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/replay
ok   ok   403  403  ok   403  403  403  403  GET /v1/decisions/{decision_id}
ok   ok   403  403  ok   403  403  403  403  POST /v1/decisions/{decision_id}/replay
403  403  ok   403  403  403  403  403  403  POST /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets/{code}
404  404  ok   ok   ok   404  404  404  404  GET /v1/rulesets/{code}/versions/{version}
403  403  403  ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/publish
403  403  403  ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/withdraw
403  403  ok   ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/check
403  403  ok   ok   ok   403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/impact
ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/evaluate
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions
403  403  403  403  403  ok   403  403  403  POST /v1/institutions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions/{institution_id}
403  403  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/end
403  403  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/region
403  ok   403  403  ok   ok   403  403  403  GET /v1/institutions/{institution_id}/delegations
403  ok   403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/delegations
403  ok   403  403  403  ok   403  403  403  DELETE /v1/institutions/{institution_id}/delegations/{delegation_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/regions
403  403  403  403  403  ok   403  403  403  POST /v1/regions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/regions/{region}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/schemes
403  403  ok   403  403  ok   403  403  403  POST /v1/schemes
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics/handling
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics/reasons
403  403  ok   403  403  403  403  403  403  POST /v1/programmes
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes/{institution}/{code}
403  403  ok   403  403  403  403  403  403  PUT /v1/programmes/{institution}/{code}
403  403  403  403  403  403  403  403  403  POST /v1/conversions
403  ok   403  403  ok   403  403  403  403  GET /v1/conversions
403  ok   403  403  ok   403  403  403  403  GET /v1/conversions/{conversion_id}
403  no   403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/decisions
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/resubmit
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/withdraw
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/decline
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/appeal
403  nil  403  403  ok   403  403  403  403  GET /v1/cases
403  nil  403  403  ok   403  403  403  403  GET /v1/award-cases
403  404  403  403  ok   403  403  403  403  GET /v1/cases/{case_id}
403  404  403  403  ok   403  403  403  403  GET /v1/award-cases/{case_id}
403  404  403  403  403  403  403  403  403  POST /v1/cases/{case_id}/decisions
ok   403  403  403  403  403  403  403  403  POST /v1/credentials
ok   403  403  403  ok   403  403  403  403  GET /v1/credentials/{credential_id}
ok   403  403  403  403  403  403  403  403  GET /v1/credentials/{credential_id}.pdf
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/credentials
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/credentials/record
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/credentials/presentations
ok   403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/revoke
ok   403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/suspend
ok   403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/reinstate
404  404  404  404  404  404  404  404  404  POST /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  404  404  GET /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  404  404  DELETE /v1/credentials/{credential_id}/shares/{share_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/did.json
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /credentials/contexts/v1
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/status-lists/{list_number}
404  404  404  404  404  404  404  404  404  GET /verify/{share_code}
ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/credentials/verify
403  404  403  403  403  403  403  403  403  POST /v1/award-cases/{case_id}/decisions
403  403  403  403  ok   403  403  403  403  POST /v1/learners/{learner_id}/plan
ok   403  403  403  403  403  403  403  403  POST /v1/qualifications/{code}/awards
403  403  403  403  403  403  ok   403  403  POST /v1/staff
403  403  403  403  403  403  ok   403  403  GET /v1/staff
403  403  403  403  403  403  ok   403  403  GET /v1/staff/{staff_id}
403  403  403  403  403  403  ok   403  403  PUT /v1/staff/{staff_id}/roles
403  403  403  403  403  403  ok   403  403  POST /v1/staff/{staff_id}/invitations
403  403  403  403  403  403  ok   403  403  POST /v1/staff/{staff_id}/deactivate
403  403  403  403  403  403  403  403  ok   POST /v1/proxy-sessions
403  403  403  403  403  403  403  ok   403  GET /v1/audit
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/access-log
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/export
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/correction-requests
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/correction-requests
ok   403  403  403  403  403  403  403  403  GET /v1/correction-requests
ok   403  403  403  403  403  403  403  403  POST /v1/correction-requests/{request_id}/answer
ok   403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/corrections
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests/{request_id}/withdraw
ok   403  403  403  403  403  403  403  403  GET /v1/erasure-requests
ok   403  403  403  403  403  403  403  403  POST /v1/erasure-requests/{request_id}/decisions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /healthz
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /readyz
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /metrics
403  ok   403  403  ok   403  403  403  403  GET /v1/conversions of a learner
"""
"""Staff of the institution that knows the learner."""

STAFF_ELSEWHERE = """
reg  rev  aut  pub  aud  sys  sec  log  ctr  operation
401  401  401  401  401  401  401  401  401  POST /oauth/token
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/oauth-authorization-server
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/jwks.json
404  404  404  404  404  404  404  404  404  GET /login/{provider}
no   no   no   no   no   no   no   no   no   GET /login/callback
404  404  404  404  404  404  404  404  404  POST /v1/logins/link
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/link-codes
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/logins
404  404  404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/logins/{login_id}
ok   403  403  403  403  403  403  403  403  POST /v1/learners
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/identifiers
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/identifiers/{identifier_id}/end
nil  403  403  403  403  403  403  403  403  GET /v1/identity/cases
404  403  403  403  403  403  403  403  403  POST /v1/identity/cases
404  403  403  403  403  403  403  403  403  GET /v1/identity/cases/{case_id}
404  403  403  403  403  403  403  403  403  POST /v1/identity/cases/{case_id}/decisions
403  403  403  403  403  403  403  403  403  POST /v1/learners/lookup
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/consent-texts
403  403  403  403  403  ok   403  403  403  POST /v1/consent-texts
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/consents
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/consents
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/consents/{consent_id}
403  403  403  403  403  403  403  403  403  DELETE /v1/learners/{learner_id}/consents/{consent_id}
nil  403  403  403  403  403  403  403  403  GET /v1/consents
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/guardians
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/guardians
404  403  403  403  403  403  403  403  403  DELETE /v1/learners/{learner_id}/guardians/{guardianship_id}
403  403  403  403  403  403  403  403  403  POST /v1/outcomes
404  403  403  403  ok   403  403  403  403  GET /v1/outcomes/{outcome_id}
403  403  403  403  403  403  403  403  403  PUT /v1/outcomes/{outcome_id}
403  403  403  403  403  403  403  403  403  POST /v1/outcomes/{outcome_id}/revoke
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/outcomes
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/qualifications/{code}
404  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/elmo
403  403  403  403  403  403  403  403  403  POST /v1/outcomes/batch
403  403  403  403  403  403  403  403  403  POST /v1/imports
403  403  403  403  403  403  403  403  403  POST /v1/imports/preview
403  403  403  403  403  403  403  403  403  GET /v1/imports
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/imports/templates/{mapping_code}
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}/rows
403  403  403  403  403  403  403  403  403  GET /v1/imports/{import_id}/rejects
403  403  403  403  403  403  403  403  403  POST /v1/imports/{import_id}/cancel
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/elmo
403  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/credentials/imports
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/balance
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/statement
403  403  403  403  ok   403  403  403  403  GET /v1/learners/{learner_id}/statement/{entry_id}/proof
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/checkpoint
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/log/proof
403  403  403  403  403  403  403  403  403  GET /v1/events
403  403  403  403  403  403  403  403  403  GET /v1/webhooks
403  403  403  403  403  403  403  403  403  POST /v1/webhooks
403  403  403  403  403  403  403  403  403  GET /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  PUT /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  DELETE /v1/webhooks/{webhook_id}
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/secret
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/test
403  403  403  403  403  403  403  403  403  GET /v1/webhooks/{webhook_id}/deliveries
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/resend
403  403  403  403  403  403  403  403  403  POST /v1/webhooks/{webhook_id}/replay
404  404  403  403  ok   403  403  403  403  GET /v1/decisions/{decision_id}
404  404  403  403  ok   403  403  403  403  POST /v1/decisions/{decision_id}/replay
403  403  ok   403  403  403  403  403  403  POST /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/rulesets/{code}
404  404  ok   ok   ok   404  404  404  404  GET /v1/rulesets/{code}/versions/{version}
403  403  403  ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/publish
403  403  403  ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/withdraw
403  403  ok   ok   403  403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/check
403  403  ok   ok   ok   403  403  403  403  POST /v1/rulesets/{code}/versions/{version}/impact
ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/rulesets/{code}/evaluate
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions
403  403  403  403  403  ok   403  403  403  POST /v1/institutions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/institutions/{institution_id}
403  403  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/end
403  403  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/region
403  404  403  403  ok   ok   403  403  403  GET /v1/institutions/{institution_id}/delegations
403  404  403  403  403  ok   403  403  403  POST /v1/institutions/{institution_id}/delegations
403  404  403  403  403  ok   403  403  403  DELETE /v1/institutions/{institution_id}/delegations/{delegation_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/regions
403  403  403  403  403  ok   403  403  403  POST /v1/regions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/regions/{region}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/schemes
403  403  ok   403  403  ok   403  403  403  POST /v1/schemes
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics/handling
403  403  403  403  ok   ok   403  403  403  GET /v1/statistics/reasons
403  403  ok   403  403  403  403  403  403  POST /v1/programmes
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/programmes/{institution}/{code}
403  403  404  403  403  403  403  403  403  PUT /v1/programmes/{institution}/{code}
403  403  403  403  403  403  403  403  403  POST /v1/conversions
403  nil  403  403  ok   403  403  403  403  GET /v1/conversions
403  404  403  403  ok   403  403  403  403  GET /v1/conversions/{conversion_id}
403  404  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/decisions
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/resubmit
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/withdraw
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/decline
403  403  403  403  403  403  403  403  403  POST /v1/conversions/{conversion_id}/appeal
403  nil  403  403  ok   403  403  403  403  GET /v1/cases
403  nil  403  403  ok   403  403  403  403  GET /v1/award-cases
403  404  403  403  ok   403  403  403  403  GET /v1/cases/{case_id}
403  404  403  403  ok   403  403  403  403  GET /v1/award-cases/{case_id}
403  404  403  403  403  403  403  403  403  POST /v1/cases/{case_id}/decisions
404  403  403  403  403  403  403  403  403  POST /v1/credentials
404  403  403  403  ok   403  403  403  403  GET /v1/credentials/{credential_id}
404  403  403  403  403  403  403  403  403  GET /v1/credentials/{credential_id}.pdf
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/credentials
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/credentials/record
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/credentials/presentations
404  403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/revoke
404  403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/suspend
404  403  403  403  403  403  403  403  403  POST /v1/credentials/{credential_id}/reinstate
404  404  404  404  404  404  404  404  404  POST /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  404  404  GET /v1/credentials/{credential_id}/shares
404  404  404  404  404  404  404  404  404  DELETE /v1/credentials/{credential_id}/shares/{share_id}
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /.well-known/did.json
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /credentials/contexts/v1
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /v1/status-lists/{list_number}
404  404  404  404  404  404  404  404  404  GET /verify/{share_code}
ok   ok   ok   ok   ok   ok   ok   ok   ok   POST /v1/credentials/verify
403  404  403  403  403  403  403  403  403  POST /v1/award-cases/{case_id}/decisions
403  403  403  403  ok   403  403  403  403  POST /v1/learners/{learner_id}/plan
404  403  403  403  403  403  403  403  403  POST /v1/qualifications/{code}/awards
403  403  403  403  403  403  404  403  403  POST /v1/staff
403  403  403  403  403  403  nil  403  403  GET /v1/staff
403  403  403  403  403  403  404  403  403  GET /v1/staff/{staff_id}
403  403  403  403  403  403  404  403  403  PUT /v1/staff/{staff_id}/roles
403  403  403  403  403  403  404  403  403  POST /v1/staff/{staff_id}/invitations
403  403  403  403  403  403  404  403  403  POST /v1/staff/{staff_id}/deactivate
403  403  403  403  403  403  403  403  404  POST /v1/proxy-sessions
403  403  403  403  403  403  403  ok   403  GET /v1/audit
404  404  404  404  ok   404  404  404  404  GET /v1/learners/{learner_id}/access-log
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/export
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  404  404  DELETE /v1/learners/{learner_id}/restriction
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/correction-requests
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/correction-requests
nil  403  403  403  403  403  403  403  403  GET /v1/correction-requests
404  403  403  403  403  403  403  403  403  POST /v1/correction-requests/{request_id}/answer
404  403  403  403  403  403  403  403  403  POST /v1/learners/{learner_id}/corrections
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  404  404  GET /v1/learners/{learner_id}/erasure-requests
404  404  404  404  404  404  404  404  404  POST /v1/learners/{learner_id}/erasure-requests/{request_id}/withdraw
nil  403  403  403  403  403  403  403  403  GET /v1/erasure-requests
404  403  403  403  403  403  403  403  403  POST /v1/erasure-requests/{request_id}/decisions
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /healthz
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /readyz
ok   ok   ok   ok   ok   ok   ok   ok   ok   GET /metrics
403  nil  403  403  ok   403  403  403  403  GET /v1/conversions of a learner
"""
"""Staff of an institution that does not know the learner."""

TABLES = {
    "PEOPLE": ("", PEOPLE),
    "INSTITUTIONS": ("", INSTITUTIONS),
    "PARTNERS": ("", PARTNERS),
    "STAFF_OF_THE_AUTHORITY": ("authority:", STAFF_OF_THE_AUTHORITY),
    "STAFF_OF_THE_ISSUER": ("cqdx:", STAFF_OF_THE_ISSUER),
    "STAFF_ELSEWHERE": ("elsewhere:", STAFF_ELSEWHERE),
}
"""Every table, with what its columns' names begin with."""

KINDS = frozenset({"ok", "nil", "404", "403", "no", "401"})
"""What can stand in a cell."""


def rows(table: str) -> dict[str, list[str]]:
    """Return the cells of each operation of a table; the header under `operation`."""
    _, text = TABLES[table]
    found: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        cells = line.split()
        width = next(at for at, cell in enumerate(cells) if cell.isupper() or cell == "operation")
        operation = " ".join(cells[width:])
        assert operation not in found, f"{table} has two lines for {operation}; take one out"
        found[operation] = cells[:width]
    return found


@cache
def matrix() -> Mapping[tuple[str, str], str]:
    """Return the kind of answer by operation and caller."""
    found: dict[tuple[str, str], str] = {}
    for table, (prefix, _) in TABLES.items():
        lines = rows(table)
        callers = lines.pop("operation")
        for operation, cells in lines.items():
            found |= {(operation, prefix + caller): cell for caller, cell in zip(callers, cells, strict=False)}
    return found
