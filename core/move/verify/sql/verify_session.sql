-- Compiling a digest's expressions takes longer than computing them for the ranges used here.
-- database: any
-- script
SET jit = off
