"""Keys that a configuration may hold although nothing here reads them yet: kept, and not complained about.

One line a section ("." is the top level), its keys after the colon; a key with a star holds a mapping of any shape.
They are the keys of the established product, so that a file can be carried over whole. A key that gets a meaning moves
to ``hermes.config.schema``.
"""

from collections.abc import Iterator

from attrs import frozen

_KNOWN = """
.: _config_version credential_pool_strategies* custom_providers fallback_model* file_read_max_chars
.: honcho* hooks* hooks_auto_accept mcp_servers* personalities* prefill_messages_file
.: providers* quick_commands* session_reset* unauthorized_dm_behavior whatsapp*
agent: gateway_auto_continue_freshness gateway_notify_interval gateway_timeout
agent: gateway_timeout_warning image_input_mode service_tier tool_use_enforcement verbose
approvals: cron_mode destructive_slash_confirm mcp_reload_confirm
auxiliary.approval: api_key base_url extra_body* model provider timeout
auxiliary.compression: extra_body*
auxiliary.curator: api_key base_url extra_body* model provider timeout
auxiliary.flush_memories: api_key base_url model provider timeout
auxiliary.mcp: api_key base_url extra_body* model provider timeout
auxiliary.session_search: api_key base_url extra_body* max_concurrency model provider timeout
auxiliary.skills_hub: api_key base_url extra_body* model provider timeout
auxiliary.title_generation: api_key base_url extra_body* model provider timeout
auxiliary.triage_specifier: api_key base_url extra_body* model provider timeout
auxiliary.vision: api_key base_url download_timeout extra_body* model provider timeout
auxiliary.web_extract: api_key base_url extra_body* model provider timeout
bedrock: region
bedrock.discovery: enabled provider_filter refresh_interval
bedrock.guardrail: guardrail_identifier guardrail_version stream_processing_mode trace
browser: allow_private_urls auto_local_for_private_urls cdp_url command_timeout dialog_policy dialog_timeout_s engine
browser: inactivity_timeout record_sessions
browser.camofox: adopt_existing_tab managed_persistence session_key user_id
checkpoints: auto_prune delete_orphans enabled max_file_size_mb max_snapshots max_total_size_mb min_interval_hours
checkpoints: retention_days
code_execution: mode
context: engine
cron: max_parallel_jobs wrap_response
curator: archive_after_days enabled interval_hours min_idle_hours stale_after_days
curator.backup: enabled keep
dashboard: show_token_analytics theme
delegation: api_key base_url child_timeout_seconds inherit_mcp_toolsets max_concurrent_children max_iterations
delegation: max_spawn_depth model orchestrator_enabled provider reasoning_effort subagent_auto_approve
discord: allowed_channels auto_thread channel_prompts* dm_role_auth_guild free_response_channels reactions
discord: require_mention server_actions thread_require_mention
display: bell_on_complete compact copy_shortcut ephemeral_system_ttl file_mutation_verifier final_response_markdown
display: inline_diffs interim_assistant_messages language persistent_output persistent_output_max_lines personality
display: platforms* show_cost show_reasoning skin timestamps tool_preview_length tool_progress
display: tool_progress_command tool_progress_overrides* tui_auto_resume_recent tui_status_indicator
display.runtime_footer: enabled fields
display.user_message_preview: first_lines last_lines
goals: max_turns
human_delay: max_ms min_ms mode
kanban: dispatch_in_gateway dispatch_interval_seconds failure_limit
logging: backup_count level max_size_mb
lsp: enabled install_strategy servers* wait_mode wait_timeout
matrix: allowed_rooms free_response_rooms require_mention
mattermost: allowed_channels channel_prompts* free_response_channels require_mention
memory: nudge_interval provider
model_catalog: enabled providers* ttl_hours url
network: force_ipv4
onboarding: seen*
openrouter: min_coding_score response_cache response_cache_ttl
plugins: disabled
privacy: redact_pii
security: acked_advisories allow_lazy_installs allow_private_urls tirith_enabled tirith_fail_open tirith_path
security: tirith_timeout
sessions: auto_prune min_interval_hours retention_days vacuum_after_prune
skills: creation_nudge_interval guard_agent_created inline_shell inline_shell_timeout template_vars
slack: allowed_channels channel_prompts* free_response_channels require_mention
smart_model_routing: cheap_model* enabled max_simple_chars max_simple_words
stt: enabled provider
stt.local: language model
stt.mistral: model
stt.openai: model
telegram: allowed_chats channel_prompts* reactions
terminal: auto_source_bashrc container_cpu container_disk container_memory container_persistent daytona_image
terminal: docker_env* docker_extra_args docker_forward_env docker_image docker_mount_cwd_to_workspace
terminal: docker_run_as_host_user docker_volumes modal_image modal_mode persistent_shell shell_init_files
terminal: singularity_image vercel_runtime
tool_loop_guardrails: hard_stop_enabled warnings_enabled
tool_loop_guardrails.hard_stop_after: exact_failure idempotent_no_progress same_tool_failure
tool_loop_guardrails.warn_after: exact_failure idempotent_no_progress same_tool_failure
tool_output: max_bytes max_line_length max_lines
tools: tool_search*
tts: provider
tts.edge: voice
tts.elevenlabs: model_id voice_id
tts.mistral: model voice_id
tts.neutts: device model ref_audio ref_text
tts.openai: model voice
tts.piper: voice
tts.xai: bit_rate language sample_rate voice_id
updates: backup_keep pre_update_backup
voice: auto_tts beep_enabled max_recording_seconds record_key silence_duration silence_threshold
web: backend extract_backend search_backend
"""


@frozen
class KnownKeys:
    leaves: frozenset[str]
    """Dotted paths of keys with a value of their own."""
    free: frozenset[str]
    """Dotted paths of mappings of any shape: nothing below them is judged."""


def known_keys() -> KnownKeys:
    entries = frozenset(_entries())
    return KnownKeys(
        frozenset(entry for entry in entries if not entry.endswith("*")),
        frozenset(entry.removesuffix("*") for entry in entries if entry.endswith("*")),
    )


def _entries() -> Iterator[str]:
    for line in _KNOWN.strip().splitlines():
        section, _, names = line.partition(":")
        prefix = "" if section == "." else section + "."
        yield from (prefix + name for name in names.split())
