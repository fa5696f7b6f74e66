;; Finds the end of a JSON array or object, as strict as JSON.parse: `afterContainer` of byte-value.ts, for texts that pass
;; through a window of memory piece by piece. wasm/generate.ts makes container-scan-bytes.ts of it.
;;
;; Memory: from 1 on the closing bracket of each level that is open (0 is never one), from 1024 on the window. After what is in
;; the window there must be a zero, which nothing takes for a part of JSON, and 63 bytes that may be anything.
;;
;; States, each with what is expected next:
;;   0 key    1 colon    2 value    3 comma or end, after a value    4 rest of a text    5 rest of a key
;;   6 first element or end, after an opening bracket
(module
  (memory (export "memory") 2 2)
  ;; Where to go on when there is more of the text. Everything before it is known to be right.
  (global $at (export "at") (mut i32) (i32.const 0))
  (global $state (mut i32) (i32.const 0))
  (global $open (mut i32) (i32.const 0))

  ;; $p: where to begin; where a container opens with $isNew = 1, else what stood at `at`. $end: where the window ends.
  ;; $depth: levels that may be open, at most 1000.
  ;; Returns one past the container; 0 for what is no JSON; -1 when what is missing after $end may make it right.
  (func (export "scan") (param $p i32) (param $end i32) (param $depth i32) (param $isNew i32) (result i32)
    (local $state i32) (local $open i32) (local $close i32)
    (local $c i32) (local $start i32) (local $found i32)
    (local $bytes v128) (local $quotes v128) (local $backslashes v128) (local $lastControls v128)
    ;; In registers they are a fifth faster than as constants where they are needed.
    (local.set $quotes (i8x16.splat (i32.const 0x22)))
    (local.set $backslashes (i8x16.splat (i32.const 0x5c)))
    (local.set $lastControls (i8x16.splat (i32.const 0x1f)))
    (if (local.get $isNew)
      (then (local.set $state (i32.const 2)))
      (else
        (local.set $state (global.get $state))
        (local.set $open (global.get $open))))
    (local.set $close (i32.load8_u (local.get $open)))

    (block $stop
    (loop $next
    (block $after
    (block $opened
    (block $text
    (block $value
    (block $colon
    (block $keyText
    (block $key
      (br_table $key $colon $value $after $text $keyText $opened (local.get $state)))

      ;; 0: a key
      (if (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x22))
        (then
          (local.set $p (call $afterSpace (local.get $p)))
          (local.set $state (i32.const 0))
          (br_if $stop (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x22)))))
      (local.set $p (i32.add (local.get $p) (i32.const 1))))

      ;; 5: its text
      (loop $more
        (local.set $bytes (v128.load (local.get $p)))
        (local.set $found (i8x16.bitmask (v128.or
          (v128.or
            (i8x16.eq (local.get $bytes) (local.get $quotes))
            (i8x16.eq (local.get $bytes) (local.get $backslashes)))
          (i8x16.le_u (local.get $bytes) (local.get $lastControls)))))
        (if (i32.eqz (local.get $found))
          (then
            (local.set $p (i32.add (local.get $p) (i32.const 16)))
            (br $more)))
        (local.set $p (i32.add (local.get $p) (i32.ctz (local.get $found))))
        (if (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x22))
          (then
            (local.set $state (i32.const 5))
            (loop $escape
              (br_if $stop (i32.eqz (local.tee $c (call $afterEscape (local.get $p)))))
              (local.set $p (local.get $c))
              (br_if $escape (i32.eq (i32.load8_u (local.get $p)) (i32.const 0x5c))))
            (br $more))))
      (local.set $p (i32.add (local.get $p) (i32.const 1))))

      ;; 1: a colon
      (if (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x3a))
        (then
          (local.set $p (call $afterSpace (local.get $p)))
          (local.set $state (i32.const 1))
          (br_if $stop (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x3a)))))
      (local.set $p (i32.add (local.get $p) (i32.const 1))))

      ;; 2: a value
      (if (i32.le_u (i32.load8_u (local.get $p)) (i32.const 0x20))
        (then (local.set $p (call $afterSpace (local.get $p)))))
      (local.set $state (i32.const 2))
      (local.set $c (i32.load8_u (local.get $p)))
      (if (i32.eq (local.get $c) (i32.const 0x22))
        (then
          (local.set $p (i32.add (local.get $p) (i32.const 1)))
          (br $text)))
      ;; Both brackets, and { once more.
      (if (i32.eq (i32.or (local.get $c) (i32.const 0x20)) (i32.const 0x7b))
        (then
          (br_if $stop (i32.ge_u (local.get $open) (local.get $depth)))
          ;; Each closes with the byte two after its own.
          (local.set $close (i32.add (local.get $c) (i32.const 2)))
          (local.set $open (i32.add (local.get $open) (i32.const 1)))
          (i32.store8 (local.get $open) (local.get $close))
          (local.set $p (i32.add (local.get $p) (i32.const 1)))
          (br $opened)))
      (if (i32.or
            (i32.lt_u (i32.sub (local.get $c) (i32.const 0x30)) (i32.const 10))
            (i32.eq (local.get $c) (i32.const 0x2d)))
        (then
          (local.set $start (local.get $p))
          (block $number
            (if (i32.eq (local.get $c) (i32.const 0x2d))
              (then (local.set $c (i32.load8_u (local.tee $p (i32.add (local.get $p) (i32.const 1)))))))
            (if (i32.eq (local.get $c) (i32.const 0x30))
              (then (local.set $p (i32.add (local.get $p) (i32.const 1))))
              (else
                (local.set $found (local.get $p))
                (br_if $number (i32.ge_u (i32.sub (local.get $c) (i32.const 0x30)) (i32.const 10)))
                (loop $digit
                  (local.set $p (i32.add (local.get $p) (i32.const 1)))
                  (br_if $digit (i32.lt_u (i32.sub (i32.load8_u (local.get $p)) (i32.const 0x30)) (i32.const 10))))))
            (local.set $c (i32.load8_u (local.get $p)))
            (if (i32.eq (local.get $c) (i32.const 0x2e))
              (then
                (local.set $found (i32.add (local.get $p) (i32.const 1)))
                (local.set $p (call $afterDigits (local.get $found)))
                (br_if $number (i32.eq (local.get $p) (local.get $found)))
                (local.set $c (i32.load8_u (local.get $p)))))
            (if (i32.eq (i32.or (local.get $c) (i32.const 0x20)) (i32.const 0x65))
              (then
                (local.set $found (i32.add (local.get $p) (i32.const 1)))
                (local.set $c (i32.load8_u (local.get $found)))
                (if (i32.or (i32.eq (local.get $c) (i32.const 0x2b)) (i32.eq (local.get $c) (i32.const 0x2d)))
                  (then (local.set $found (i32.add (local.get $found) (i32.const 1)))))
                (local.set $p (call $afterDigits (local.get $found)))
                (br_if $number (i32.eq (local.get $p) (local.get $found)))))
            ;; More digits may follow where the window ends.
            (br_if $after (i32.ne (local.get $p) (local.get $end))))
          (global.set $at (local.get $start))
          (global.set $state (i32.const 2))
          (global.set $open (local.get $open))
          (return (i32.sub (i32.const 0) (i32.ge_u (local.get $p) (local.get $end))))))
      ;; true, null, and fals with its e
      (local.set $found (i32.load (local.get $p)))
      (local.set $p (i32.add (local.get $p) (i32.const 4)))
      (br_if $after (i32.eq (local.get $found) (i32.const 0x65757274)))
      (br_if $after (i32.eq (local.get $found) (i32.const 0x6c6c756e)))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br_if $after (i32.and
        (i32.eq (local.get $found) (i32.const 0x736c6166))
        (i32.eq (i32.load8_u offset=4 (i32.sub (local.get $p) (i32.const 5))) (i32.const 0x65))))
      (local.set $p (i32.sub (local.get $p) (i32.const 5)))
      (br $stop))

      ;; 4: a text, as that of a key: a call of one function for both takes longer
      (loop $more
        (local.set $bytes (v128.load (local.get $p)))
        (local.set $found (i8x16.bitmask (v128.or
          (v128.or
            (i8x16.eq (local.get $bytes) (local.get $quotes))
            (i8x16.eq (local.get $bytes) (local.get $backslashes)))
          (i8x16.le_u (local.get $bytes) (local.get $lastControls)))))
        (if (i32.eqz (local.get $found))
          (then
            (local.set $p (i32.add (local.get $p) (i32.const 16)))
            (br $more)))
        (local.set $p (i32.add (local.get $p) (i32.ctz (local.get $found))))
        (if (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x22))
          (then
            (local.set $state (i32.const 4))
            (loop $escape
              (br_if $stop (i32.eqz (local.tee $c (call $afterEscape (local.get $p)))))
              (local.set $p (local.get $c))
              (br_if $escape (i32.eq (i32.load8_u (local.get $p)) (i32.const 0x5c))))
            (br $more))))
      (local.set $p (i32.add (local.get $p) (i32.const 1)))
      (br $after))

      ;; 6: the first of a container, or its end
      (local.set $c (i32.load8_u (local.get $p)))
      (if (i32.le_u (local.get $c) (i32.const 0x20))
        (then (local.set $c (i32.load8_u (local.tee $p (call $afterSpace (local.get $p)))))))
      (br_if $after (i32.eq (local.get $c) (local.get $close)))
      (local.set $state (i32.const 6))
      (br_if $stop (i32.eq (local.get $p) (local.get $end)))
      (local.set $state (i32.shl (i32.eq (local.get $close) (i32.const 0x5d)) (i32.const 1)))
      (br $next))

      ;; 3: a comma, or what ends one container after the other
      (loop $again
        (local.set $c (i32.load8_u (local.get $p)))
        (if (i32.eq (local.get $c) (i32.const 0x2c))
          (then
            (local.set $p (i32.add (local.get $p) (i32.const 1)))
            ;; 2 in an array, 0 in an object
            (local.set $state (i32.shl (i32.eq (local.get $close) (i32.const 0x5d)) (i32.const 1)))
            (br $next)))
        (if (i32.eq (local.get $c) (local.get $close))
          (then
            (local.set $p (i32.add (local.get $p) (i32.const 1)))
            (local.set $open (i32.sub (local.get $open) (i32.const 1)))
            (if (i32.eqz (local.get $open)) (then (return (local.get $p))))
            (local.set $close (i32.load8_u (local.get $open)))
            (br $again)))
        (local.set $found (call $afterSpace (local.get $p)))
        (if (i32.ne (local.get $p) (local.get $found))
          (then
            (local.set $p (local.get $found))
            (br $again))))
      (local.set $state (i32.const 3))))

    (global.set $at (local.get $p))
    (global.set $state (local.get $state))
    (global.set $open (local.get $open))
    ;; Literals and escapes are looked at up to six bytes at a time.
    (i32.sub (i32.const 0) (i32.ge_u (i32.add (local.get $p) (i32.const 6)) (local.get $end))))

  ;; The first position at or after $p that is not white space.
  (func $afterSpace (param $p i32) (result i32)
    (local $bytes v128) (local $other i32)
    ;; One blank is the usual, and no need to look further then.
    (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 0x20))
      (then
        (local.set $p (i32.add (local.get $p) (i32.const 1)))
        (if (i32.gt_u (i32.load8_u (local.get $p)) (i32.const 0x20)) (then (return (local.get $p))))))
    (loop $more
      (local.set $bytes (v128.load (local.get $p)))
      (local.set $other (i32.xor (i32.const 0xffff) (i8x16.bitmask (v128.or
        (v128.or
          (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x20)))
          (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x0a))))
        (v128.or
          (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x0d)))
          (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x09))))))))
      (if (i32.eqz (local.get $other))
        (then
          (local.set $p (i32.add (local.get $p) (i32.const 16)))
          (br $more))))
    (i32.add (local.get $p) (i32.ctz (local.get $other))))

  ;; The first position at or after $p that is not a digit.
  (func $afterDigits (param $p i32) (result i32)
    (local $others i32)
    (loop $more
      (local.set $others (i32.xor (i32.const 0xffff) (i8x16.bitmask (i8x16.lt_u
        (i8x16.sub (v128.load (local.get $p)) (i8x16.splat (i32.const 0x30)))
        (i8x16.splat (i32.const 10))))))
      (if (i32.eqz (local.get $others))
        (then
          (local.set $p (i32.add (local.get $p) (i32.const 16)))
          (br $more))))
    (i32.add (local.get $p) (i32.ctz (local.get $others))))

  ;; One past the escape at $p; 0 where there is none, as at what may not stand in a text.
  (func $afterEscape (param $p i32) (result i32)
    (local $c i32) (local $found i32) (local $bytes v128)
    (if (i32.ne (i32.load8_u (local.get $p)) (i32.const 0x5c)) (then (return (i32.const 0))))
    (local.set $c (i32.load8_u offset=1 (local.get $p)))
    ;; The usual ones, without the many steps to tell all others apart.
    (if (i32.eq (local.get $c) (i32.const 0x6e)) (then (return (i32.add (local.get $p) (i32.const 2)))))
    (if (i32.eq (local.get $c) (i32.const 0x22)) (then (return (i32.add (local.get $p) (i32.const 2)))))
    (if (i32.eq (local.get $c) (i32.const 0x75))
      (then
        (local.set $bytes (v128.load32_zero offset=2 (local.get $p)))
        ;; Four digits, or letters a to f of either case.
        (return (select
          (i32.add (local.get $p) (i32.const 6))
          (i32.const 0)
          (i32.eq
            (i32.const 0xf)
            (i32.and
              (i32.const 0xf)
              (i8x16.bitmask (v128.or
                (i8x16.lt_u
                  (i8x16.sub (local.get $bytes) (i8x16.splat (i32.const 0x30)))
                  (i8x16.splat (i32.const 10)))
                (i8x16.lt_u
                  (i8x16.sub
                    (v128.or (local.get $bytes) (i8x16.splat (i32.const 0x20)))
                    (i8x16.splat (i32.const 0x61)))
                  (i8x16.splat (i32.const 6)))))))))))
    ;; \ / b f r t, those from \ on as bits, with n
    (local.set $found (i32.sub (local.get $c) (i32.const 0x5c)))
    (select
      (i32.add (local.get $p) (i32.const 2))
      (i32.const 0)
      (i32.or
        (i32.and
          (i32.lt_u (local.get $found) (i32.const 25))
          (i32.and (i32.const 1) (i32.shr_u (i32.const 0x1440441) (local.get $found))))
        (i32.eq (local.get $c) (i32.const 0x2f)))))
)
