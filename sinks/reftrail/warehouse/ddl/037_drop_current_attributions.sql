-- The view v_current_attributions says the same, under the documented name.
DROP VIEW IF EXISTS current_attributions;
