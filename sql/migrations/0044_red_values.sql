-- Which reports hold a value for named persons only (020_views.sql: their bytes are for these too). Few of all that is seen.
CREATE INDEX sighting_red ON sighting (report_id) WHERE tlp = 4;
