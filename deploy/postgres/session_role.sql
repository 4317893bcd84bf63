-- Behind PgBouncer Patchbay's sessions begin without what they ask for; the role brings it along. As a
-- superuser or the role itself, once, and after an upgrade if its release notes say so.
ALTER ROLE patchbay SET timezone = 'UTC';
ALTER ROLE patchbay SET statement_timeout = '30000';
ALTER ROLE patchbay SET idle_in_transaction_session_timeout = '60000';
ALTER ROLE patchbay SET lock_timeout = '10000';
ALTER ROLE patchbay SET plan_cache_mode = 'force_generic_plan';
ALTER ROLE patchbay SET random_page_cost = '1.1';
ALTER ROLE patchbay SET jit = 'off';
