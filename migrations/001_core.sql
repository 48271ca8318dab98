-- What was received. A delivery counts once for each of its keys: the sender's
-- delivery id and the digest of its body (ids are not authenticated), and for
-- OTLP one per record.
create table delivery_keys (
    project text        not null,
    source  text        not null,
    key     text        not null,
    seen_at timestamptz not null default now(),
    primary key (project, source, key)
);
create index delivery_keys_seen_at on delivery_keys (seen_at);

-- One row per fingerprint, from which the id is derived. The title contains only identifiers, never a
-- message: messages are redacted later, in the bundle.
create table incidents (
    id          text        primary key,
    project     text        not null,
    fingerprint text        not null,
    title       text        not null,
    first_seen  timestamptz not null,
    last_seen   timestamptz not null,
    count       bigint      not null default 1
);
create index incidents_last_seen on incidents (last_seen desc);

-- Events as received, encrypted; the key of each is next to it and is
-- destroyed when the bundle is sealed.
create table events (
    id          bigint generated always as identity primary key,
    incident_id text        not null references incidents on delete cascade,
    source      text        not null,
    rank        smallint    not null, -- 0 no frames, 1 frames, 2 frames with locals
    received_at timestamptz not null default now(),
    body        bytea       not null
);
create index events_incident on events (incident_id);
create table event_keys (
    event_id bigint primary key references events on delete cascade,
    wrapped  bytea  not null
);

-- One row per run.
create table runs (
    id          text        primary key,
    incident_id text        not null references incidents on delete cascade,
    project     text        not null,
    asked_commit text       not null default '',        -- as the event named it: a commit, or nothing
    commit_sha  text        not null default '',        -- in full, once the bundle is sealed
    rank        smallint    not null default 0,
    state       text        not null default 'accepted',
    stage       text        not null default 'assemble', -- the stage to do next; '' at the end
    attempt     int         not null default 0,          -- of that stage
    fence       bigint      not null default 0,          -- grows with every lease; a writer must hold the newest
    lease_owner text,
    lease_until timestamptz,
    cancel      boolean     not null default false,
    ask         jsonb,                                   -- who asked for it, where
    stop        jsonb,
    error       text,
    pull_request jsonb,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    finished_at timestamptz
);
create index runs_incident on runs (incident_id, created_at desc);
create index runs_open on runs (updated_at) where finished_at is null;
create unique index runs_one_open on runs (incident_id) where finished_at is null;

-- Artifacts of stages: bundle, test, traces, verdict, … compressed with zstd.
create table artifacts (
    run_id     text        not null references runs on delete cascade,
    name       text        not null,
    content    bytea       not null,
    sha256     bytea       not null,
    created_at timestamptz not null default now(),
    primary key (run_id, name)
);

-- The append-only, hash-chained record of a run.
create table ledger (
    run_id text        not null references runs on delete cascade,
    seq    int         not null,
    at     timestamptz not null,
    kind   text        not null,
    data   jsonb       not null,
    prev   bytea       not null,
    hash   bytea       not null,
    primary key (run_id, seq)
);

-- Pull requests of the local forge.
create table local_pull_requests (
    number     bigint generated always as identity primary key,
    key        text        not null,
    repository text        not null,
    content    jsonb       not null,
    created_at timestamptz not null default now(),
    unique (repository, key)
);
create table local_comments (
    repository text  not null,
    issue      int   not null,
    key        text  not null,
    content    jsonb not null,
    primary key (repository, issue, key)
);

-- accept_delivery stores one delivery durably: its keys, each event's incident
-- and counter, the encrypted body, and for an incident that needs one a run
-- with its first job. One call is one round trip and one transaction.
--
-- events is an array of objects {key, fingerprint, incident, title, rank,
-- commit, time, run}; bodies and wrapped are parallel to it. It returns
-- {"duplicate": bool, "incidents": [id], "runs": [id]}.
create function accept_delivery(
    p_project text, p_source text, p_keys text[], p_events jsonb,
    p_bodies bytea[], p_wrapped bytea[], p_ask jsonb
) returns jsonb language plpgsql as $$
declare
    fresh     int;
    e         jsonb;
    i         int := 0;
    inc       text;
    stored    bigint;
    best      smallint;
    open_run  boolean;
    proposed  boolean;
    incidents_out jsonb := '[]';
    runs_out      jsonb := '[]';
begin
    insert into delivery_keys (project, source, key)
        select p_project, p_source, k from unnest(p_keys) as k
        on conflict do nothing;
    get diagnostics fresh = row_count;
    if fresh < cardinality(p_keys) then
        return jsonb_build_object('duplicate', true, 'incidents', incidents_out, 'runs', runs_out);
    end if;

    for e in select * from jsonb_array_elements(p_events) loop
        i := i + 1;
        if e->>'key' <> '' then
            insert into delivery_keys (project, source, key)
                values (p_project, p_source, e->>'key') on conflict do nothing;
            if not found then continue; end if;
        end if;

        insert into incidents as t (id, project, fingerprint, title, first_seen, last_seen)
            values (e->>'incident', p_project, e->>'fingerprint', e->>'title',
                    (e->>'time')::timestamptz, (e->>'time')::timestamptz)
            on conflict (id) do update set
                count = t.count + 1,
                first_seen = least(t.first_seen, excluded.first_seen),
                last_seen = greatest(t.last_seen, excluded.last_seen)
            returning t.id into inc;
        incidents_out := incidents_out || to_jsonb(inc);

        -- Tried means: the same commit, with an end that another run with
        -- equal evidence would only repeat.
        select bool_or(finished_at is null),
               bool_or(state = 'proposed' and finished_at is not null),
               max(rank) filter (where asked_commit = coalesce(e->>'commit', '') and state <> 'failed'
                   and coalesce(stop->>'type', '') not in ('budget', 'cancelled'))
            into open_run, proposed, best from runs where incident_id = inc;

        -- Evidence is kept while it can still help: at most twenty undigested
        -- events, and any that is better than all of them.
        if (select count(*) < 20 or coalesce(max(rank), -1) < (e->>'rank')::smallint
            from events join event_keys on event_id = id where incident_id = inc) then
            insert into events (incident_id, source, rank, body)
                values (inc, p_source, (e->>'rank')::smallint, p_bodies[i]) returning id into stored;
            insert into event_keys values (stored, p_wrapped[i]);
        end if;

        -- A new run: none is open, no pull request of the incident waits for its
        -- reviewer, and this commit was not tried with evidence as good as this;
        -- or a person asks for it. A person who asks during a run is told its end.
        if coalesce(open_run, false) then
            if p_ask is not null then
                update runs set ask = p_ask where incident_id = inc and finished_at is null;
            end if;
        elsif p_ask is not null
           or not coalesce(proposed, false) and (best is null or best < (e->>'rank')::smallint) then
            insert into runs (id, incident_id, project, asked_commit, commit_sha, rank, ask)
                values (e->>'run', inc, p_project, coalesce(e->>'commit', ''), coalesce(e->>'commit', ''), (e->>'rank')::smallint, p_ask);
            insert into river_job (kind, args, queue, max_attempts, priority, state)
                values ('stage', jsonb_build_object('run', e->>'run', 'stage', 'assemble'), 'default', 25, 1, 'available');
            runs_out := runs_out || to_jsonb(e->>'run');
        end if;
    end loop;
    return jsonb_build_object('duplicate', false, 'incidents', incidents_out, 'runs', runs_out);
end
$$;

---- create above / drop below ----

drop function accept_delivery;
drop table local_comments, local_pull_requests, ledger, artifacts, runs, event_keys, events, incidents, delivery_keys;
