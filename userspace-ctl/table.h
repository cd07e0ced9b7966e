/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one printer.  A column is described once; its value is made once, as a
 * JSON value, and that is what JSON output holds and what the text is made of.
 */
#ifndef WBCTL_TABLE_H
#define WBCTL_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

/* How a value looks as text. */
enum column_type {
	COL_TEXT,
	COL_COUNT,
	COL_SIZE,
	COL_RATE,	/* size a second */
	COL_NS,
	COL_MS,
	COL_SECONDS,
	COL_LIMIT,	/* seconds, 0 is off */
};

/**
 * struct column - one property of a row
 * @key: in JSON; "a.b" is member b of object a
 * @header: in a table, and the name that --output takes
 * @type: how it looks as text
 * @get: makes the value; NULL is JSON's null and "-" in a table
 * @offset: of what @get reads, in the row
 * @flag: what get_flag() tests
 * @words: what get_word() looks up, ended by NULL
 */
struct column {
	const char *key;
	const char *header;
	enum column_type type;
	json_object *(*get)(const struct column *column, const void *row);
	size_t offset;
	unsigned int flag;
	const char *const *words;
};

json_object *get_u32(const struct column *column, const void *row);
json_object *get_u64(const struct column *column, const void *row);
json_object *get_u64_or_none(const struct column *column, const void *row);
json_object *get_text(const struct column *column, const void *row);
json_object *get_flag(const struct column *column, const void *row);
json_object *get_word(const struct column *column, const void *row);

/* What the options ask for. */
struct output {
	bool json;
	bool bytes;
	bool noheadings;
	bool one_line;		/* JSON of a report on one line */
	const char *columns;	/* NULL: those of the verb */
};

extern struct output output;

/**
 * struct rows - what a table is made of
 * @columns: that it can have
 * @defaults: those that it has, in words that --output would take
 * @key: of the array in JSON
 * @row: the first
 * @nr: of rows
 * @size: of one in bytes
 */
struct rows {
	const struct column *columns;
	const char *defaults;
	const char *key;
	const void *row;
	size_t nr;
	size_t size;
};

/* Exits if --output names what @columns has not. */
void output_check(const struct column *columns);

/*
 * Prints a table of the default columns, or {"key":[...]} with all keys;
 * --output chooses in both.
 */
void report_rows(const struct rows *rows);

/* The table as a text of lines, cut to @width; to be freed. */
char *report_text(const struct rows *rows, size_t width);

/* Prints one row: a line for each column, a table with --output, or one object. */
void report_one(const struct column *columns, const void *row);

#endif
