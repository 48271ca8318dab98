-- When a person's decision last resumed the run: outages are tolerated from then on.
alter table runs add column resumed_at timestamptz;

---- create above / drop below ----

alter table runs drop column resumed_at;
