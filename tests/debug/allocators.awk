# SPDX-License-Identifier: GPL-2.0-only
#
# From `objdump -dr MODULE`: which function calls what allocates memory, or starts
# by it, as "callee function".

/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }

/R_X86_64_(PLT32|PC32)/ {
	callee = $3
	sub(/[-+]0x[0-9a-f]+$/, "", callee)
	if (callee ~ /^(__)?(k[mvz]*alloc|kmem_cache_alloc|vmalloc|alloc_pages|get_free_page|pcpu_alloc|percpu_counter_init|mempool_(init|alloc)|bioset_init|bio_alloc|alloc_workqueue|misc_register|shrinker_alloc|register_shrinker|kobject_uevent|dm_get_device|lookup_bdev)/ &&
	    callee !~ /^(kmalloc_caches|vmalloc_to_page)$/)
		print callee, name
}
