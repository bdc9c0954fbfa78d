#!/bin/bash
# Run once by the image of PostgreSQL, as its superuser: makes a role that may make what Dasan needs
# and owns a database of its own, and may do no more.
psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$DASAN_DATABASE_PASSWORD" --username postgres <<'SQL'
CREATE ROLE dasan LOGIN CREATEROLE PASSWORD :'password';
CREATE DATABASE dasan OWNER dasan;
SQL
