"""Database settings: what every session in a database begins with, as far as the database's owner may say."""

import re
from collections.abc import Mapping

from components.errors import InputError, nearest

_NAMES = (
    "DateStyle IntervalStyle TimeZone application_name backend_flush_after backslash_quote bytea_output "
    "check_function_bodies client_connection_check_interval client_min_messages commit_siblings "
    "constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction "
    "default_statistics_target default_table_access_method default_tablespace default_text_search_config "
    "default_toast_compression default_transaction_deferrable default_transaction_isolation "
    "default_transaction_read_only effective_cache_size effective_io_concurrency enable_async_append "
    "enable_bitmapscan enable_gathermerge enable_hashagg enable_hashjoin enable_incremental_sort "
    "enable_indexonlyscan enable_indexscan enable_material enable_memoize enable_mergejoin enable_nestloop "
    "enable_parallel_append enable_parallel_hash enable_partition_pruning enable_partitionwise_aggregate "
    "enable_partitionwise_join enable_presorted_aggregate enable_seqscan enable_sort enable_tidscan "
    "escape_string_warning extra_float_digits from_collapse_limit geqo geqo_effort geqo_generations "
    "geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold gin_fuzzy_search_limit "
    "gin_pending_list_limit hash_mem_multiplier icu_validation_level idle_in_transaction_session_timeout "
    "idle_session_timeout jit jit_above_cost jit_expressions jit_inline_above_cost jit_optimize_above_cost "
    "jit_tuple_deforming join_collapse_limit lc_monetary lc_numeric lc_time local_preload_libraries "
    "lock_timeout logical_decoding_work_mem maintenance_io_concurrency maintenance_work_mem "
    "max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather "
    "min_parallel_index_scan_size min_parallel_table_scan_size parallel_leader_participation "
    "parallel_setup_cost parallel_tuple_cost plan_cache_mode quote_all_identifiers random_page_cost "
    "recursive_worktable_factor restrict_nonsystem_relation_kind row_security search_path seq_page_cost "
    "standard_conforming_strings statement_timeout stats_fetch_consistency synchronize_seqscans "
    "synchronous_commit tcp_keepalives_count tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout "
    "temp_buffers temp_tablespaces timezone_abbreviations transform_null_equals vacuum_buffer_usage_limit "
    "vacuum_cost_delay vacuum_cost_limit vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss "
    "vacuum_failsafe_age vacuum_freeze_min_age vacuum_freeze_table_age vacuum_multixact_failsafe_age "
    "vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age wal_sender_timeout wal_skip_threshold "
    "work_mem xmlbinary xmloption "
)
"""What any user may set for a session, and so an owner for a database, in PostgreSQL 16."""

_ALLOWED = frozenset(_NAMES.split())
_OF_EXTENSION = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")
_SUPERUSERS = ("auto_explain.", "pg_stat_statements.", "pgaudit.")
_LISTS = frozenset({"search_path", "temp_tablespaces", "local_preload_libraries"})
"""Settings whose value is a list of names, each of which is quoted by itself."""


def refuse_unusable(settings: Mapping[str, object]) -> None:
    """Refuse settings that the owner of a database cannot give it.

    Raises:
        InputError: the setting, and where it belongs.
    """
    for name, value in settings.items():
        of_extension = bool(_OF_EXTENSION.fullmatch(name)) and not name.startswith(_SUPERUSERS)
        if name not in _ALLOWED and not of_extension:
            raise InputError(
                f"settings.{name} is not for a database's owner to set{nearest(name, _ALLOWED)}; what needs a "
                "superuser or a restart is the server's: write it into the platform file, postgresql.requires"
            )
        if not (isinstance(value, str) and value and value.isprintable()):
            raise InputError(f"settings.{name} is {value!r}; use one line of text, as SHOW {name} gives it")


def is_of_extension(name: str) -> bool:
    """Whether a setting is an extension's, which the server knows once the extension is loaded."""
    return "." in name


def literal(value: str) -> str:
    """A text as an SQL literal, whatever is in it."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def value_of(name: str, value: str) -> str:
    """A setting's value as SET takes it: a list as several literals, all else as one."""
    if name in _LISTS:
        return ", ".join(literal(part.strip().strip('"')) for part in value.split(","))
    return literal(value)
