-- A tenant and a user to try things with; production never gets them.

INSERT INTO tenants (id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'Demo');
INSERT INTO users (tenant_id, email) VALUES ('00000000-0000-4000-8000-000000000001', 'demo@example.com');
