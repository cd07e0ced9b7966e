# SPDX-License-Identifier: GPL-2.0-only
#
# For people. The kernel's build reads Kbuild, which it prefers to this file.
#
#   KDIR=DIR     headers or build tree of the kernel to build for (the running one)
#   PREFIX=DIR   where wbctl and the header go (/usr/local)
#   DESTDIR=DIR  put all of it below DIR, for a package: no DKMS, no depmod
#   DKMS=no      install the module for this one kernel, though DKMS is there

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
INSTALL ?= install

NAME := dm-writebehind
VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' packaging/dkms.conf)
HEADER := include/uapi/linux/dm-writebehind.h
DKMS_SOURCE := /usr/src/$(NAME)-$(VERSION)
KBUILD := $(MAKE) -C $(KDIR) M=$(CURDIR)
KVER = $(shell $(MAKE) -s --no-print-directory -C $(KDIR) kernelrelease)

ifeq ($(DKMS)$(DESTDIR),)
DKMS := $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v dkms)
endif
USE_DKMS := $(if $(DESTDIR),,$(filter-out no,$(DKMS)))

all: module wbctl ## build the module and wbctl (KDIR= for another kernel)

module: headers ## build module/dm-writebehind.ko alone
	$(KBUILD) modules

wbctl: ## build userspace-ctl/wbctl alone
	$(MAKE) -C userspace-ctl

headers:
	@test -e $(KDIR)/Makefile || { \
		echo "make: no kernel headers in $(KDIR): install them (on Debian:" \
			"apt install linux-headers-$$(uname -r)) or set KDIR=" >&2; \
		exit 1; }

install: install-module install-wbctl install-header ## install module, wbctl, header (PREFIX=, DESTDIR=, DKMS=no)

uninstall: uninstall-module ## remove what install put there
	$(MAKE) -C userspace-ctl uninstall
	rm -f $(DESTDIR)$(INCLUDEDIR)/linux/dm-writebehind.h

install-wbctl:
	$(MAKE) -C userspace-ctl install

install-header:
	$(INSTALL) -D -m 644 $(HEADER) $(DESTDIR)$(INCLUDEDIR)/linux/dm-writebehind.h

ifneq ($(USE_DKMS),)

# DKMS builds it anew for each kernel that comes.
install-module: headers
	$(DKMS) remove -m $(NAME) -v $(VERSION) --all >/dev/null 2>&1 || :
	$(MAKE) dkms-tree TREE=$(DKMS_SOURCE)
	$(DKMS) add -m $(NAME) -v $(VERSION)
	$(DKMS) build -m $(NAME) -v $(VERSION) -k $(KVER) --kernelsourcedir $(KDIR)
	$(DKMS) install -m $(NAME) -v $(VERSION) -k $(KVER) --kernelsourcedir $(KDIR)

uninstall-module:
	-$(DKMS) remove -m $(NAME) -v $(VERSION) --all
	rm -rf $(DKMS_SOURCE)

else

install-module: module
	$(KBUILD) INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_STRIP=1 modules_install
	$(if $(DESTDIR),,depmod $(KVER))

uninstall-module: headers
	find $(DESTDIR)/lib/modules/$(KVER)/updates $(DESTDIR)/lib/modules/$(KVER)/extra \
		-name 'dm-writebehind.ko*' -delete 2>/dev/null || :
	$(if $(DESTDIR),,depmod $(KVER))

endif

# The sources that DKMS wants, in TREE.
dkms-tree:
	rm -rf $(TREE)
	$(INSTALL) -d $(TREE)/module $(TREE)/include/uapi/linux
	$(INSTALL) -m 644 Kbuild packaging/dkms.conf COPYING $(TREE)
	$(INSTALL) -m 644 module/Kbuild $(filter-out %.mod.c,$(wildcard module/*.[ch])) $(TREE)/module
	$(INSTALL) -m 644 $(HEADER) $(TREE)/include/uapi/linux

clean: ## remove what was built in this tree
	find . module -maxdepth 1 \( -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name modules.order \
		-o -name Module.symvers \) -delete
	$(MAKE) -C userspace-ctl clean
	test ! -e tests/Makefile || $(MAKE) -C tests clean

deb: ## build Debian packages in dist: dm-writebehind-dkms and wbctl
	packaging/build-deb

demo: ## boot a machine with a slow disk, show what the cache does to it (as root, first time: downloads)
	tests/vm/prepare 6.12
	tests/demo

check: ## all tests, on 6.1 and 6.12, in virtual machines (as root, first time: downloads)
	tests/check

check-quick: ## the same, the short form
	tests/check --quick

check-debug: ## the tests on kernels with KASAN, lockdep, fault injection, KCSAN, PREEMPT_RT (builds them)
	tests/check-debug

check-boot: ## boot, shut down and kill a Debian system on configured devices, on both kernels
	tests/boot/check-boot

check-packages: ## build the Debian packages; install, use, upgrade, remove them on both kernels
	tests/packages/check-packages

bench: ## compare with dm-linear and others, count instructions, locks, seeks; figures go to docs/bench
	tests/bench/bench

soak: ## write, pull the plug, compare, again and again; databases; storms (hours)
	tests/crash/soak
	tests/apps/check --rounds 20
	tests/storm/soak

SHELL_SCRIPTS = $(shell grep -rlIE '^(\#!/bin/(ba)?sh|\# shellcheck shell=)' .ci tests packaging)
C_SOURCES = $(filter-out %.mod.c,$(wildcard module/*.[ch])) $(HEADER)
CHECKPATCH = $(shell bash -c '. tests/vm/lib.sh && echo $$WB_CACHE')/lint/scripts/checkpatch.pl

lint: ## checkpatch --strict, sparse and W=1 on both kernels, shellcheck
	@command -v shellcheck >/dev/null || { \
		echo "make: lint needs shellcheck (on Debian: apt install shellcheck)" >&2; \
		exit 1; }
	tests/vm/prepare --lint
	$(CHECKPATCH) --no-tree --strict --quiet --terse --no-summary --show-types -f $(C_SOURCES)
	WB_SPARSE=1 WB_WERROR=1 tests/vm/build 6.1
	WB_SPARSE=1 WB_WERROR=1 tests/vm/build 6.12
	shellcheck -x $(SHELL_SCRIPTS)
	@! git diff --numstat $$(git hash-object -t tree /dev/null) | grep -- '^-' || \
		{ echo "make: these are no sources" >&2; exit 1; }

help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' Makefile | expand -t 16

.PHONY: all module wbctl headers install install-module install-wbctl \
	install-header uninstall uninstall-module dkms-tree clean deb demo check \
	check-quick check-debug check-boot check-packages bench soak lint help
