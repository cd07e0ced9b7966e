// SPDX-License-Identifier: GPL-2.0-only
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "table.h"
#include "util.h"
#include "wbctl.h"

#define MAX_COLUMNS	64

struct output output;

struct selection {
	const struct column *column[MAX_COLUMNS];
	size_t nr;
};

static const void *field(const struct column *column, const void *row)
{
	return (const char *)row + column->offset;
}

json_object *get_u32(const struct column *column, const void *row)
{
	return json_object_new_uint64(*(const uint32_t *)field(column, row));
}

json_object *get_u64(const struct column *column, const void *row)
{
	return json_object_new_uint64(*(const uint64_t *)field(column, row));
}

json_object *get_u64_or_none(const struct column *column, const void *row)
{
	if (*(const uint64_t *)field(column, row) == UINT64_MAX)
		return NULL;
	return get_u64(column, row);
}

json_object *get_text(const struct column *column, const void *row)
{
	return json_object_new_string(field(column, row));
}

json_object *get_flag(const struct column *column, const void *row)
{
	return json_object_new_boolean(*(const uint32_t *)field(column, row) &
				       column->flag);
}

json_object *get_word(const struct column *column, const void *row)
{
	uint32_t value = *(const uint32_t *)field(column, row);

	for (uint32_t i = 0; column->words[i]; i++)
		if (i == value)
			return json_object_new_string(column->words[i]);
	return json_object_new_string("unknown");
}

static const struct column *find_column(const struct column *columns,
					const char *name, size_t len)
{
	for (; columns->key; columns++)
		if ((strlen(columns->header) == len &&
		     !strncasecmp(columns->header, name, len)) ||
		    (strlen(columns->key) == len &&
		     !strncmp(columns->key, name, len)))
			return columns;
	die(EXIT_USAGE, "%.*s: no such column: see --help", (int)len, name);
}

static void select_named(struct selection *sel, const struct column *columns,
			 const char *names)
{
	while (sel->nr < MAX_COLUMNS) {
		size_t len = strcspn(names, ",");

		sel->column[sel->nr++] = find_column(columns, names, len);
		if (!names[len])
			return;
		names += len + 1;
	}
	die(EXIT_USAGE, "--output: too many columns: %d at most", MAX_COLUMNS);
}

static struct selection select_columns(const struct column *columns,
				       const char *defaults)
{
	const char *names = output.json ? NULL : defaults;
	struct selection sel = { .nr = 0 };

	if (output.columns)
		names = output.columns;
	if (names)
		select_named(&sel, columns, names);
	else
		for (; columns->key; columns++)
			sel.column[sel.nr++] = columns;
	return sel;
}

void output_check(const struct column *columns)
{
	select_columns(columns, NULL);
}

static void object_add(json_object *object, const char *key, json_object *value)
{
	const char *dot = strchr(key, '.');
	json_object *group;
	char name[64];

	if (!dot) {
		json_object_object_add(object, key, value);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(dot - key), key);
	if (!json_object_object_get_ex(object, name, &group)) {
		group = json_object_new_object();
		json_object_object_add(object, name, group);
	}
	json_object_object_add(group, dot + 1, value);
}

static json_object *row_object(const struct selection *sel, const void *row)
{
	json_object *object = json_object_new_object();

	for (size_t i = 0; i < sel->nr; i++)
		object_add(object, sel->column[i]->key,
			   sel->column[i]->get(sel->column[i], row));
	return object;
}

static void print_object(json_object *object)
{
	int flags = output.one_line ? JSON_C_TO_STRING_PLAIN :
		    JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED;

	puts(json_object_to_json_string_ext(object,
					    flags | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

static void set_cell(struct libscols_line *line, size_t nr,
		     const struct column *column, const void *row)
{
	json_object *value = column->get(column, row);
	char text[TEXT_LEN], cell[TEXT_LEN + 4];
	const char *data = cell;

	if (!value) {
		data = "-";
	} else if (column->type == COL_SIZE) {
		data = size_text(text, json_object_get_uint64(value), output.bytes);
	} else if (column->type == COL_RATE) {
		size_text(text, json_object_get_uint64(value), output.bytes);
		snprintf(cell, sizeof(cell), "%s%s", text,
			 output.bytes ? "" : "/s");
	} else if (column->type == COL_NS) {
		data = nanoseconds_text(text, json_object_get_uint64(value));
	} else if (column->type == COL_MS) {
		data = duration_text(text, json_object_get_uint64(value));
	} else if (column->type == COL_LIMIT && !json_object_get_uint64(value)) {
		data = "off";
	} else if (column->type == COL_SECONDS || column->type == COL_LIMIT) {
		data = duration_text(text, json_object_get_uint64(value) * 1000);
	} else {
		data = json_object_get_string(value);
	}
	if (scols_line_set_data(line, nr, data))
		die(EXIT_FAILED, "out of memory");
	json_object_put(value);
}

static struct libscols_table *new_table(bool noheadings)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		die(EXIT_FAILED, "out of memory");
	scols_table_enable_noheadings(table, noheadings);
	return table;
}

static struct libscols_line *new_line(struct libscols_table *table)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	if (!line)
		die(EXIT_FAILED, "out of memory");
	return line;
}

static void new_column(struct libscols_table *table, const char *header,
		       bool right)
{
	if (!scols_table_new_column(table, header, 0,
				    right ? SCOLS_FL_RIGHT : 0))
		die(EXIT_FAILED, "out of memory");
}

static void print_table(struct libscols_table *table)
{
	if (scols_print_table(table))
		die(EXIT_FAILED, "cannot print the table");
	scols_unref_table(table);
}

static const void *row_at(const struct rows *rows, size_t i)
{
	return (const char *)rows->row + i * rows->size;
}

static struct libscols_table *fill_table(const struct selection *sel,
					 const struct rows *rows)
{
	struct libscols_table *table = new_table(output.noheadings);

	for (size_t i = 0; i < sel->nr; i++)
		new_column(table, sel->column[i]->header,
			   sel->column[i]->type != COL_TEXT);
	for (size_t r = 0; r < rows->nr; r++) {
		struct libscols_line *line = new_line(table);

		for (size_t i = 0; i < sel->nr; i++)
			set_cell(line, i, sel->column[i], row_at(rows, r));
	}
	return table;
}

/* Keys at the left, values at the right: a table without headings. */
static void table_record(const struct selection *sel, const void *row)
{
	struct libscols_table *table = new_table(true);
	size_t value_column = 0;

	if (!output.noheadings) {
		new_column(table, "KEY", false);
		value_column = 1;
	}
	new_column(table, "VALUE", false);
	for (size_t i = 0; i < sel->nr; i++) {
		struct libscols_line *line = new_line(table);

		if (value_column)
			scols_line_set_data(line, 0, sel->column[i]->key);
		set_cell(line, value_column, sel->column[i], row);
	}
	print_table(table);
}

void report_rows(const struct rows *rows)
{
	struct selection sel = select_columns(rows->columns, rows->defaults);
	json_object *list, *object;

	if (!output.json) {
		print_table(fill_table(&sel, rows));
		return;
	}
	list = json_object_new_array();
	for (size_t r = 0; r < rows->nr; r++)
		json_object_array_add(list, row_object(&sel, row_at(rows, r)));
	object = json_object_new_object();
	json_object_object_add(object, rows->key, list);
	print_object(object);
}

char *report_text(const struct rows *rows, size_t width)
{
	struct selection sel = select_columns(rows->columns, rows->defaults);
	struct libscols_table *table = fill_table(&sel, rows);
	char *text = NULL;

	/* Columns that do not fit are cut at the right, not wrapped. */
	scols_table_enable_nowrap(table, 1);
	scols_table_set_termforce(table, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(table, width);
	if (scols_print_table_to_string(table, &text) || !text)
		die(EXIT_FAILED, "cannot print the table");
	scols_unref_table(table);
	return text;
}

void report_one(const struct column *columns, const void *row)
{
	struct selection sel = select_columns(columns, NULL);

	if (output.json)
		print_object(row_object(&sel, row));
	else if (output.columns)
		print_table(fill_table(&sel, &(struct rows){ .row = row, .nr = 1 }));
	else
		table_record(&sel, row);
}
