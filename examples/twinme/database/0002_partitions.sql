-- The years that are needed, and what makes the next one: before each new year, SELECT add_messages_year(2030).
-- It runs with the rights of who calls it, and only the owner may make tables.

CREATE FUNCTION add_messages_year(year integer) RETURNS void
    LANGUAGE plpgsql
    SET search_path = pg_catalog, public
AS $$
DECLARE
    partition text := 'messages_' || year;
BEGIN
    EXECUTE format(
        'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.messages FOR VALUES FROM (%L) TO (%L)',
        partition, make_date(year, 1, 1), make_date(year + 1, 1, 1)
    );
    -- Without a policy of its own nobody but the owner reads a partition by its own name.
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', partition);
END
$$;

SELECT add_messages_year(year) FROM generate_series(2025, 2028) AS year;

-- What no year takes is not lost.
CREATE TABLE messages_default PARTITION OF messages DEFAULT;
ALTER TABLE messages_default ENABLE ROW LEVEL SECURITY;
