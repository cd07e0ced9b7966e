// SPDX-License-Identifier: GPL-2.0-only
/*
 * wb_insns - a plugin of qemu's: which instructions of the kernel a guest
 * executes between two marks (marks.h), and how often.
 *
 *   -plugin wb_insns.so,out=FILE     lines "address count rounds" in FILE.N
 *
 * Of a string instruction the rounds are counted, and not it itself. Translated
 * blocks are counted, of which an exception may leave the end out. One vCPU
 * only: the counters are plain.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../marks.h"

/*
 * Of qemu-plugin.h, which Debian's packages do not have: version 1, qemu 4.2 to 8.1.
 */
#define EXPORT		__attribute__((visibility("default")))
#define CB_NO_REGS	0

struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
					   void (*cb)(uint64_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
					  void (*cb)(unsigned int cpu, void *data),
					  int flags, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
const uint8_t *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

/* Text of the kernel and of modules; its data is below. */
#define KERNEL_TEXT	0xffffffff80000000UL

struct insn {
	uint64_t at;
	bool string;
};

struct translated {
	struct translated *next;
	uint64_t count;
	size_t nr;
	struct insn insn[];
};

static struct translated *all;
static bool counting;
static const char *out;

static void executed(unsigned int cpu, void *data)
{
	struct translated *t = data;

	(void)cpu;
	if (counting)
		t->count++;
}

static void write_counts(unsigned int n)
{
	char name[4096];
	FILE *file;

	snprintf(name, sizeof(name), "%s.%u", out, n);
	file = fopen(name, "w");
	if (!file) {
		perror(name);
		exit(1);
	}
	for (struct translated *t = all; t; t = t->next)
		for (size_t i = 0; t->count && i < t->nr; i++)
			fprintf(file, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
				t->insn[i].at, t->insn[i].string ? 0 : t->count,
				t->insn[i].string ? t->count : 0);
	fclose(file);
}

static void marked(unsigned int cpu, void *data)
{
	unsigned int n = (uintptr_t)data;

	(void)cpu;
	counting = !n;
	if (n)
		write_counts(n);
	for (struct translated *t = all; t; t = t->next)
		t->count = 0;
}

/* rep movs, rep stos, of 8 bytes or less */
static bool is_string(const struct qemu_plugin_insn *insn)
{
	const uint8_t *byte = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);

	return size >= 2 && size <= 3 && byte[0] == 0xf3 &&
	       (size == 2 || byte[1] == 0x48) &&
	       ((byte[size - 1] & 0xfe) == 0xa4 || (byte[size - 1] & 0xfe) == 0xaa);
}

static void translate(uint64_t id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);
	struct translated *t;
	size_t nr;

	(void)id;
	if (at >= MARKS && at < MARKS + NR_MARKS)
		qemu_plugin_register_vcpu_tb_exec_cb(tb, marked, CB_NO_REGS,
						     (void *)(uintptr_t)(at - MARKS));
	if (at < KERNEL_TEXT)
		return;

	nr = qemu_plugin_tb_n_insns(tb);
	t = calloc(1, sizeof(*t) + nr * sizeof(t->insn[0]));
	if (!t)
		abort();
	t->nr = nr;
	for (size_t i = 0; i < nr; i++) {
		const struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		t->insn[i].at = qemu_plugin_insn_vaddr(insn);
		t->insn[i].string = is_string(insn);
	}
	t->next = all;
	all = t;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, CB_NO_REGS, t);
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "wb_insns: needs out=FILE\n");
		return 1;
	}
	out = strdup(argv[0] + 4);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
