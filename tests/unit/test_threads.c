/* Threads and locks of lib. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/thread.h"

struct seen {
    sigset_t blocked;
};

static void *look_around(void *argument)
{
    struct seen *seen = argument;

    pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
    return argument;
}

static void signals_go_to_the_program_and_faults_to_their_handler(void **state)
{
    static const int programs[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGUSR1, SIGCHLD};
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct seen seen;
    struct tmv_error err;
    sigset_t before, after;
    pthread_t thread;
    void *back;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_true(thread_spawn(&thread, "looks around", look_around, &seen, &err));
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    assert_int_equal(pthread_join(thread, &back), 0);
    assert_ptr_equal(back, &seen);
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        assert_int_equal(sigismember(&seen.blocked, programs[i]), 1);
        assert_int_equal(sigismember(&after, programs[i]), sigismember(&before, programs[i]));
    }
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        assert_int_equal(sigismember(&seen.blocked, faults[i]), 0);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    int woken;
};

static void *wait_at_the_gate(void *argument)
{
    struct gate *gate = argument;

    HOLD(&gate->lock);
    while (!gate->open)
        cond_wait_until(&gate->opened, &gate->lock, INT64_MAX);
    gate->woken++;
    return NULL;
}

static void has_the_name_that_top_shows(void **state)
{
    struct gate gate = {.open = false};
    struct tmv_error err;
    char name[32];
    pthread_t thread;

    (void)state;
    lock_init(&gate.lock);
    cond_init(&gate.opened);
    assert_true(thread_spawn(&thread, "fifteen letters", wait_at_the_gate, &gate, &err));
    assert_int_equal(pthread_getname_np(thread, name, sizeof name), 0);
    assert_string_equal(name, "fifteen letters");
    assert_false(thread_join_until(thread, clock_now_us() + 5 * US_PER_MS));
    {
        HOLD(&gate.lock);
        gate.open = true;
        pthread_cond_broadcast(&gate.opened);
    }
    assert_true(thread_join_until(thread, clock_now_us() + 10 * US_PER_S));
    assert_int_equal(gate.woken, 1);
    pthread_cond_destroy(&gate.opened);
    pthread_mutex_destroy(&gate.lock);
}

/* The code of pthread_create is what it returns; errno keeps what happened to be in it. A stack that no
 * address space has room for makes it fail. */
static void reports_why_no_thread_was_started(void **state)
{
    struct tmv_error err = {0};
    pthread_attr_t before, huge;
    pthread_t thread;
    bool started;

    (void)state;
    assert_int_equal(pthread_getattr_default_np(&before), 0);
    assert_int_equal(pthread_attr_init(&huge), 0);
    assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 47), 0);
    assert_int_equal(pthread_setattr_default_np(&huge), 0);
    errno = ENOENT;
    started = thread_spawn(&thread, "too large", look_around, NULL, &err);
    assert_int_equal(pthread_setattr_default_np(&before), 0);
    assert_false(started);
    assert_int_equal(err.code, TMV_ERR_IO);
    assert_int_equal(err.errnum, EAGAIN);
    assert_non_null(strstr(err.message, "starting the thread too large: "));
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    struct gate gate = {.open = false};
    int64_t began = clock_now_us();

    (void)state;
    lock_init(&gate.lock);
    cond_init(&gate.opened);
    {
        HOLD(&gate.lock);
        while (cond_wait_until(&gate.opened, &gate.lock, began + 20 * US_PER_MS))
            continue; /* woken for nothing */
        assert_true(clock_now_us() >= began + 20 * US_PER_MS);
        assert_false(cond_wait_until(&gate.opened, &gate.lock, began));
        assert_false(cond_wait_until(&gate.opened, &gate.lock, 0));
        assert_false(cond_wait_until(&gate.opened, &gate.lock, -1));
    }
    pthread_cond_destroy(&gate.opened);
    pthread_mutex_destroy(&gate.lock);
}

static bool is_free(pthread_mutex_t *lock)
{
    if (pthread_mutex_trylock(lock) != 0)
        return false;
    pthread_mutex_unlock(lock);
    return true;
}

static bool returns_from_inside(pthread_mutex_t *lock)
{
    HOLD(lock);
    return is_free(lock);
}

static void a_lock_is_held_to_the_end_of_the_block(void **state)
{
    pthread_mutex_t lock, other;

    (void)state;
    lock_init(&lock);
    lock_init(&other);
    for (int i = 0; i < 2; i++) {
        HOLD(&lock);
        HOLD(&other);
        assert_false(is_free(&lock));
        assert_false(is_free(&other));
        if (i == 0)
            continue;
    }
    assert_true(is_free(&other));
    assert_false(returns_from_inside(&lock));
    assert_true(is_free(&lock));
    pthread_mutex_destroy(&other);
    pthread_mutex_destroy(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signals_go_to_the_program_and_faults_to_their_handler),
        cmocka_unit_test(has_the_name_that_top_shows),
        cmocka_unit_test(reports_why_no_thread_was_started),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
        cmocka_unit_test(a_lock_is_held_to_the_end_of_the_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
